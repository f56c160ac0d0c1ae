#include <libavformat/avformat.h>
#include <libavcodec/avcodec.h>
#include <libavcodec/bsf.h>
#include <libavutil/avutil.h>
#include <libavutil/error.h>
#include <libavutil/opt.h>
#include <libavutil/time.h>

// Macros that Swift cannot import.
static inline int64_t av_shim_nopts(void) { return AV_NOPTS_VALUE; }
static inline int av_shim_error_eof(void) { return AVERROR_EOF; }
static inline int av_shim_error_exit(void) { return AVERROR_EXIT; }
static inline int av_shim_error_invalid(void) { return AVERROR_INVALIDDATA; }
static inline int av_shim_error(int posix_error) { return AVERROR(posix_error); }
static inline AVRational av_shim_rational(int numerator, int denominator) {
    return (AVRational){numerator, denominator};
}
