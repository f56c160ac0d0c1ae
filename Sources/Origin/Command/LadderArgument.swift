import ArgumentParser
package import OriginCore
import OriginMedia

extension LadderWish: ExpressibleByArgument {
    package init?(argument: String) { self.init(argument) }
}

extension Container: ExpressibleByArgument {}
