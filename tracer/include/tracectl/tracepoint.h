/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TRACECTL_TRACEPOINT_H
#define TRACECTL_TRACEPOINT_H

/*
 * <tracectl/tracepoint.h> - record events from C (C11, GNU dialect) and C++ (C++17).
 *
 *     tracectl_trace(shop, order_paid, tp_u64(id, order->id), tp_str(customer, name));
 *
 * One statement where the event happens; link with -ltracectl-tracepoint
 * (pkg-config tracectl-tracepoint). While nobody records the event, it costs a
 * load and a branch, and none of the values is evaluated. Provider, event and
 * field names are identifiers; up to 16 fields an event. Two statements with
 * the same names and fields are the same event.
 *
 * Any thread may trace, and signal handlers may (tracectl_tracef() excepted,
 * which formats). errno is kept. Nothing here fails: an event that cannot be
 * recorded is counted as lost in the trace.
 *
 * Values:
 *   tp_i8 .. tp_i64, tp_u8 .. tp_u64 (name, value)     integers
 *   tp_hex64(name, value)                              shown in hexadecimal
 *   tp_f32, tp_f64(name, value)                        floating point
 *   tp_bool(name, value)
 *   tp_str(name, string)                               up to its NUL; NULL is "(null)"
 *   tp_text(name, pointer, length)                     length bytes of UTF-8
 *   tp_bytes(name, pointer, length)                    length bytes, shown in hexadecimal
 *   tp_array_i8 .. tp_array_u64(name, pointer, count)  count integers
 *
 * tracectl_trace_at(TRACECTL_DEBUG, provider, event, ...)  with a log level
 * tracectl_trace_enabled(provider, event)   whether an event of this name of the
 *                                           program is being recorded
 * tracectl_tracef("format", ...)            quick marker, event tracectl:tracef
 *
 * Contexts of the program's own: values that it can tell at any event, recorded
 * with the events of those channels that somebody has added them to (`tracectl
 * add-context app:PROVIDER:NAME`). One definition in one source file, outside of
 * functions:
 *
 *   tracectl_context_i64(provider, name, function)     int64_t function(void)
 *   tracectl_context_u64(provider, name, function)     uint64_t function(void)
 *   tracectl_context_f64(provider, name, function)     double function(void)
 *   tracectl_context_str(provider, name, function)     void function(char *text, size_t size): writes
 *                                                      a string and its NUL, size bytes at most
 *
 * The function runs in the thread of the event, while it is recorded, and for no
 * other event: it is short, takes no lock that the event's thread may hold, and
 * is safe in signal handlers wherever events are recorded in signal handlers.
 * What it traces itself is counted as lost. A thread's own value is a
 * variable of that thread's, preferably with the initial-exec TLS model. A
 * library that is closed (dlclose) waits until nobody is in its functions.
 *
 * With TRACECTL_NEVER_UNLOADED defined before the inclusion, in every file of a
 * library linked with -z nodelete, its events are not taken away by its
 * destructor: what calls it later than that is recorded, too.
 *
 * With TRACECTL_SHORT_NAMES defined before the inclusion there are also
 * tracepoint() for tracectl_trace() and tracef() for tracectl_tracef().
 *
 * The layout of everything below is ABI: structures carry their size, and
 * members are only ever added at their end.
 */

#pragma GCC system_header /* variadic macros without arguments, statement expressions */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The usual 15, most important first. Events of tracectl_trace() have TRACECTL_INFO. */
enum tracectl_loglevel {
        TRACECTL_EMERG = 0,
        TRACECTL_ALERT = 1,
        TRACECTL_CRIT = 2,
        TRACECTL_ERR = 3,
        TRACECTL_WARNING = 4,
        TRACECTL_NOTICE = 5,
        TRACECTL_INFO = 6,
        TRACECTL_DEBUG_SYSTEM = 7,
        TRACECTL_DEBUG_PROGRAM = 8,
        TRACECTL_DEBUG_PROCESS = 9,
        TRACECTL_DEBUG_MODULE = 10,
        TRACECTL_DEBUG_UNIT = 11,
        TRACECTL_DEBUG_FUNCTION = 12,
        TRACECTL_DEBUG_LINE = 13,
        TRACECTL_DEBUG = 14,
};

#define TRACECTL_ABI 1

struct tracectl_field {
        const char *name;
        uint32_t type;
        uint32_t reserved;
};

/* One tracepoint statement. The program never writes to it; the library does. */
struct tracectl_event {
        uint32_t size; /* of this structure as the program was compiled */
        uint16_t abi;
        uint8_t loglevel;
        uint8_t n_fields;
        const void *actions; /* NULL: off. The library's */
        const char *provider;
        const char *name;
        const struct tracectl_field *fields;
        uint32_t field_size; /* of a struct tracectl_field */
        uint32_t line;
        const char *file;
};

enum tracectl_span_kind {
        TRACECTL_SPAN_BYTES = 0,  /* length bytes */
        TRACECTL_SPAN_STRING = 1, /* up to a NUL, which is written in any case */
};

/* A piece of an event's payload. */
struct tracectl_span {
        const void *data;
        uint32_t length;
        uint32_t kind;
};

/* All events of one program or library. */
struct tracectl_object {
        uint32_t size;
        uint16_t abi;
        uint16_t registered; /* the library's */
        struct tracectl_event *const *start;
        struct tracectl_event *const *stop;
        void *next; /* the library's */
        struct tracectl_context *const *context_start;
        struct tracectl_context *const *context_stop;
};

/* A context of the program's own. The program never writes to it; the library does. */
struct tracectl_context {
        uint32_t size;
        uint16_t abi;
        uint16_t type; /* enum definition_type: I64, U64, F64 or STRING */
        const char *provider;
        const char *name;
        void (*get)(void *value); /* 8 bytes, or TRACECTL_CONTEXT_SIZE of a string */
        void *slot;               /* the library's */
};

#define TRACECTL_CONTEXT_SIZE 64 /* of a string, with its NUL */

/* Through the GOT, bound when the program is loaded: a call through the PLT may
 * run the dynamic linker in the middle of a signal handler. */
#define TRACECTL_API_ __attribute__((visibility("default"), noplt))

TRACECTL_API_ void tracectl_object_register(struct tracectl_object *object);
TRACECTL_API_ void tracectl_object_unregister(struct tracectl_object *object);

/*
 * Record an event whose fields have a fixed size. payload is readable up to the
 * next of 8, 16, 32 or 64 bytes at or above size, or size bytes where it is more.
 */
TRACECTL_API_ void tracectl_record_fixed(struct tracectl_event *event, const void *payload, uint32_t size);

/*
 * Record any event, its payload in n pieces: one for each field, of a text, bytes
 * or an array two, the count and the elements. Filters find their fields so.
 * Returns how many sessions it was for, whether or not their filters and rings
 * took it; a service that has not said yet what it wants is none.
 */
TRACECTL_API_ uint32_t tracectl_record_spans(struct tracectl_event *event, const struct tracectl_span *spans, uint32_t n);

/* Record an event that has one string, formatted as by printf(3). Not for signal handlers. */
TRACECTL_API_ void tracectl_record_format(struct tracectl_event *event, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

#ifndef TRACECTL_LIBRARY_ /* the library itself has no events */
extern struct tracectl_event *const __start_tracectl_events[] __attribute__((weak, visibility("hidden")));
extern struct tracectl_event *const __stop_tracectl_events[] __attribute__((weak, visibility("hidden")));
extern struct tracectl_context *const __start_tracectl_contexts[] __attribute__((weak, visibility("hidden")));
extern struct tracectl_context *const __stop_tracectl_contexts[] __attribute__((weak, visibility("hidden")));

/* One for all source files that are linked together. */
struct tracectl_object tracectl_object_ __attribute__((weak, visibility("hidden"))) = {
        sizeof(struct tracectl_object), TRACECTL_ABI, 0, 0, 0, 0, 0, 0,
};

/* Before the program's own constructors, which may trace. */
static void __attribute__((constructor(101), used)) tracectl_object_constructor_(void) {
        tracectl_object_.start = __start_tracectl_events;
        tracectl_object_.stop = __stop_tracectl_events;
        /* Not where the linker has kept the object of a file that was compiled with an older version of this. */
        if (tracectl_object_.size >= sizeof(tracectl_object_)) {
                tracectl_object_.context_start = __start_tracectl_contexts;
                tracectl_object_.context_stop = __stop_tracectl_contexts;
        }
        tracectl_object_register(&tracectl_object_);
}

#ifndef TRACECTL_NEVER_UNLOADED
static void __attribute__((destructor(101), used)) tracectl_object_destructor_(void) {
        tracectl_object_unregister(&tracectl_object_);
}
#endif
#endif

#ifdef __cplusplus
}
#endif

/* ---- field types: enum definition_type of the format of definitions ---- */

#define TRACECTL_TYPE_U8_ 1
#define TRACECTL_TYPE_U16_ 2
#define TRACECTL_TYPE_U32_ 3
#define TRACECTL_TYPE_U64_ 4
#define TRACECTL_TYPE_I8_ 5
#define TRACECTL_TYPE_I16_ 6
#define TRACECTL_TYPE_I32_ 7
#define TRACECTL_TYPE_I64_ 8
#define TRACECTL_TYPE_HEX64_ 9
#define TRACECTL_TYPE_F32_ 10
#define TRACECTL_TYPE_F64_ 11
#define TRACECTL_TYPE_BOOL_ 12
#define TRACECTL_TYPE_STR_ 13
#define TRACECTL_TYPE_TEXT_ 14
#define TRACECTL_TYPE_BYTES_ 15
#define TRACECTL_TYPE_ARRAY_U8_ 16
#define TRACECTL_TYPE_ARRAY_U16_ 17
#define TRACECTL_TYPE_ARRAY_U32_ 18
#define TRACECTL_TYPE_ARRAY_U64_ 19
#define TRACECTL_TYPE_ARRAY_I8_ 20
#define TRACECTL_TYPE_ARRAY_I16_ 21
#define TRACECTL_TYPE_ARRAY_I32_ 22
#define TRACECTL_TYPE_ARRAY_I64_ 23

/*
 * A field becomes (class, type, element type, "name", value, count). The class
 * says how it is handled: _v a value, _s a string, _q a counted sequence.
 */
#define tp_u8(name, value) (tracectl_v, TRACECTL_TYPE_U8_, uint8_t, #name, value, 0)
#define tp_u16(name, value) (tracectl_v, TRACECTL_TYPE_U16_, uint16_t, #name, value, 0)
#define tp_u32(name, value) (tracectl_v, TRACECTL_TYPE_U32_, uint32_t, #name, value, 0)
#define tp_u64(name, value) (tracectl_v, TRACECTL_TYPE_U64_, uint64_t, #name, value, 0)
#define tp_i8(name, value) (tracectl_v, TRACECTL_TYPE_I8_, int8_t, #name, value, 0)
#define tp_i16(name, value) (tracectl_v, TRACECTL_TYPE_I16_, int16_t, #name, value, 0)
#define tp_i32(name, value) (tracectl_v, TRACECTL_TYPE_I32_, int32_t, #name, value, 0)
#define tp_i64(name, value) (tracectl_v, TRACECTL_TYPE_I64_, int64_t, #name, value, 0)
#define tp_hex64(name, value) (tracectl_v, TRACECTL_TYPE_HEX64_, uint64_t, #name, value, 0)
#define tp_f32(name, value) (tracectl_v, TRACECTL_TYPE_F32_, float, #name, value, 0)
#define tp_f64(name, value) (tracectl_v, TRACECTL_TYPE_F64_, double, #name, value, 0)
#define tp_bool(name, value) (tracectl_v, TRACECTL_TYPE_BOOL_, uint8_t, #name, !!(value), 0)
#define tp_str(name, string) (tracectl_s, TRACECTL_TYPE_STR_, char, #name, string, 0)
#define tp_text(name, pointer, length) (tracectl_q, TRACECTL_TYPE_TEXT_, char, #name, pointer, length)
#define tp_bytes(name, pointer, length) (tracectl_q, TRACECTL_TYPE_BYTES_, char, #name, pointer, length)
#define tp_array_u8(name, pointer, count) (tracectl_q, TRACECTL_TYPE_ARRAY_U8_, uint8_t, #name, pointer, count)
#define tp_array_u16(name, pointer, count) (tracectl_q, TRACECTL_TYPE_ARRAY_U16_, uint16_t, #name, pointer, count)
#define tp_array_u32(name, pointer, count) (tracectl_q, TRACECTL_TYPE_ARRAY_U32_, uint32_t, #name, pointer, count)
#define tp_array_u64(name, pointer, count) (tracectl_q, TRACECTL_TYPE_ARRAY_U64_, uint64_t, #name, pointer, count)
#define tp_array_i8(name, pointer, count) (tracectl_q, TRACECTL_TYPE_ARRAY_I8_, int8_t, #name, pointer, count)
#define tp_array_i16(name, pointer, count) (tracectl_q, TRACECTL_TYPE_ARRAY_I16_, int16_t, #name, pointer, count)
#define tp_array_i32(name, pointer, count) (tracectl_q, TRACECTL_TYPE_ARRAY_I32_, int32_t, #name, pointer, count)
#define tp_array_i64(name, pointer, count) (tracectl_q, TRACECTL_TYPE_ARRAY_I64_, int64_t, #name, pointer, count)

/* ---- application of a macro m(i, field) to each of up to 16 fields ---- */

#define TRACECTL_COUNT_N_(z, _1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, _12, _13, _14, _15, _16, n, ...) n
#define TRACECTL_COUNT_(...)                                                                                   \
        TRACECTL_COUNT_N_(0 __VA_OPT__(,) __VA_ARGS__, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define TRACECTL_CAT_2_(a, b) a##b
#define TRACECTL_CAT_(a, b) TRACECTL_CAT_2_(a, b)
#define TRACECTL_EACH_(m, ...) TRACECTL_CAT_(TRACECTL_EACH_, TRACECTL_COUNT_(__VA_ARGS__))(m __VA_OPT__(,) __VA_ARGS__)
#define TRACECTL_EACH_0(m)
#define TRACECTL_EACH_1(m, f) m(1, f)
#define TRACECTL_EACH_2(m, f, ...) m(2, f) TRACECTL_EACH_1(m, __VA_ARGS__)
#define TRACECTL_EACH_3(m, f, ...) m(3, f) TRACECTL_EACH_2(m, __VA_ARGS__)
#define TRACECTL_EACH_4(m, f, ...) m(4, f) TRACECTL_EACH_3(m, __VA_ARGS__)
#define TRACECTL_EACH_5(m, f, ...) m(5, f) TRACECTL_EACH_4(m, __VA_ARGS__)
#define TRACECTL_EACH_6(m, f, ...) m(6, f) TRACECTL_EACH_5(m, __VA_ARGS__)
#define TRACECTL_EACH_7(m, f, ...) m(7, f) TRACECTL_EACH_6(m, __VA_ARGS__)
#define TRACECTL_EACH_8(m, f, ...) m(8, f) TRACECTL_EACH_7(m, __VA_ARGS__)
#define TRACECTL_EACH_9(m, f, ...) m(9, f) TRACECTL_EACH_8(m, __VA_ARGS__)
#define TRACECTL_EACH_10(m, f, ...) m(10, f) TRACECTL_EACH_9(m, __VA_ARGS__)
#define TRACECTL_EACH_11(m, f, ...) m(11, f) TRACECTL_EACH_10(m, __VA_ARGS__)
#define TRACECTL_EACH_12(m, f, ...) m(12, f) TRACECTL_EACH_11(m, __VA_ARGS__)
#define TRACECTL_EACH_13(m, f, ...) m(13, f) TRACECTL_EACH_12(m, __VA_ARGS__)
#define TRACECTL_EACH_14(m, f, ...) m(14, f) TRACECTL_EACH_13(m, __VA_ARGS__)
#define TRACECTL_EACH_15(m, f, ...) m(15, f) TRACECTL_EACH_14(m, __VA_ARGS__)
#define TRACECTL_EACH_16(m, f, ...) m(16, f) TRACECTL_EACH_15(m, __VA_ARGS__)

/* m_CLASS(i, type, element, name, value, count) of a field */
#define TRACECTL_UNPACK_(...) __VA_ARGS__
#define TRACECTL_CALL_(m, ...) m(__VA_ARGS__)
#define TRACECTL_BY_CLASS_(prefix, i, class, ...) TRACECTL_CAT_(prefix, class)(i, __VA_ARGS__)

/* what describes it: an initializer of struct tracectl_field */
#define TRACECTL_DESCRIBE_(i, f) TRACECTL_CALL_(TRACECTL_DESCRIBE_2_, i, TRACECTL_UNPACK_ f)
#define TRACECTL_DESCRIBE_2_(i, class, type, element, name, value, count) { name, type, 0 },

/* its member of the packed values */
#define TRACECTL_MEMBER_(i, f) TRACECTL_CALL_(TRACECTL_BY_CLASS_, TRACECTL_MEMBER_, i, TRACECTL_UNPACK_ f)
#define TRACECTL_MEMBER_tracectl_v(i, type, element, name, value, count) element v##i;
#define TRACECTL_MEMBER_tracectl_s(i, type, element, name, value, count)
#define TRACECTL_MEMBER_tracectl_q(i, type, element, name, value, count) uint32_t v##i;

/* the evaluation of its value, once */
#define TRACECTL_VALUE_(i, f) TRACECTL_CALL_(TRACECTL_BY_CLASS_, TRACECTL_VALUE_, i, TRACECTL_UNPACK_ f)
#define TRACECTL_VALUE_tracectl_v(i, type, element, name, value, count) tracectl_values_.packed.v##i = (element) (value);
#define TRACECTL_VALUE_tracectl_s(i, type, element, name, value, count)                                                 \
        const char *tracectl_data_##i = (value);                                                               \
        if (!tracectl_data_##i)                                                                                \
                tracectl_data_##i = "(null)";
#define TRACECTL_VALUE_tracectl_q(i, type, element, name, value, count)                                                 \
        const void *tracectl_data_##i = (value);                                                               \
        tracectl_values_.packed.v##i = tracectl_data_##i ? (uint32_t) (count) : 0;

/* the pieces that it is recorded from */
#define TRACECTL_SPANS_(i, f) TRACECTL_CALL_(TRACECTL_BY_CLASS_, TRACECTL_SPANS_, i, TRACECTL_UNPACK_ f)
#define TRACECTL_SPANS_tracectl_v(i, type, element, name, value, count)                                                 \
        { (const char *) &tracectl_values_ + offsetof(struct tracectl_packed_, v##i), sizeof(element),         \
          TRACECTL_SPAN_BYTES },
#define TRACECTL_SPANS_tracectl_s(i, type, element, name, value, count)                                                 \
        { tracectl_data_##i, UINT32_MAX, TRACECTL_SPAN_STRING },
#define TRACECTL_SPANS_tracectl_q(i, type, element, name, value, count)                                                 \
        { (const char *) &tracectl_values_ + offsetof(struct tracectl_packed_, v##i), sizeof(uint32_t),        \
          TRACECTL_SPAN_BYTES },                                                                               \
        { tracectl_data_##i, (uint32_t) (tracectl_values_.packed.v##i * sizeof(element)), TRACECTL_SPAN_BYTES },

/* sums: bytes of the packed values; how many fields have no fixed size */
#define TRACECTL_SIZE_(i, f) TRACECTL_CALL_(TRACECTL_SIZE_2_, i, TRACECTL_UNPACK_ f)
#define TRACECTL_SIZE_2_(i, class, type, element, name, value, count) +TRACECTL_SIZE_##class##_ * sizeof(element)
#define TRACECTL_SIZE_tracectl_v_ 1
#define TRACECTL_SIZE_tracectl_s_ 0
#define TRACECTL_SIZE_tracectl_q_ 4
#define TRACECTL_DYNAMIC_(i, f) TRACECTL_CALL_(TRACECTL_DYNAMIC_2_, i, TRACECTL_UNPACK_ f)
#define TRACECTL_DYNAMIC_2_(i, class, type, element, name, value, count) +TRACECTL_DYNAMIC_##class##_
#define TRACECTL_DYNAMIC_tracectl_v_ 0
#define TRACECTL_DYNAMIC_tracectl_s_ 1
#define TRACECTL_DYNAMIC_tracectl_q_ 1

/* tracectl_record_fixed() reads whole 8, 16, 32 or 64 bytes */
#define TRACECTL_ROUND_(n) ((n) <= 8 ? 8 : (n) <= 16 ? 16 : (n) <= 32 ? 32 : (n) <= 64 ? 64 : (n))

/* ---- the statement ---- */

#if __SIZEOF_POINTER__ == 8
#define TRACECTL_POINTER_ ".quad"
#else
#define TRACECTL_POINTER_ ".long"
#endif

/*
 * The definition of an event and a pointer to it among the events of its
 * program. In C a static variable with a section does it. In C++ the statement
 * may stand in an inline function or a template, whose static variables lie in
 * sections of their own kind: there the event is a member of a class template
 * (hidden, so that its address is a constant in shared libraries too), and the
 * pointer is emitted by the assembler into the function's section group.
 */
#ifdef __cplusplus
template <class Site> struct tracectl_site_ {
        static struct tracectl_event event __attribute__((visibility("hidden")));
};
template <class Site>
struct tracectl_event tracectl_site_<Site>::event = {
        sizeof(struct tracectl_event), TRACECTL_ABI,   Site::loglevel(), Site::n_fields(), nullptr,
        Site::provider(),              Site::name(),   Site::fields(),   sizeof(struct tracectl_field),
        Site::line(),                  Site::file(),
};
#define TRACECTL_DEFINE_EVENT_(level, n, provider_, name_, ...)                                                         \
        static constexpr struct tracectl_field tracectl_fields_[] = {                                          \
                TRACECTL_EACH_(TRACECTL_DESCRIBE_ __VA_OPT__(,) __VA_ARGS__) { nullptr, 0, 0 }                            \
        };                                                                                                     \
        struct tracectl_here_ {                                                                                \
                static constexpr uint8_t loglevel() { return (level); }                                        \
                static constexpr uint8_t n_fields() { return (n); }                   \
                static constexpr const char *provider() { return provider_; }                                  \
                static constexpr const char *name() { return name_; }                                          \
                static constexpr const struct tracectl_field *fields() { return tracectl_fields_; }            \
                static constexpr uint32_t line() { return __LINE__; }                                          \
                static constexpr const char *file() { return __FILE__; }                                       \
        };                                                                                                     \
        struct tracectl_event &tracectl_event_ = tracectl_site_<tracectl_here_>::event;                        \
        __asm__ volatile(".pushsection tracectl_events,\"aw?\",%%progbits\n\t"                                \
                         ".balign %c1\n\t" TRACECTL_POINTER_ " %c0\n\t"                                        \
                         ".popsection"                                                                         \
                         :                                                                                     \
                         : "i"(&tracectl_site_<tracectl_here_>::event), "i"(sizeof(void *)))
#else
#define TRACECTL_DEFINE_EVENT_(level, n, provider_, name_, ...)                                                         \
        static const struct tracectl_field tracectl_fields_[] = {                                              \
                TRACECTL_EACH_(TRACECTL_DESCRIBE_ __VA_OPT__(,) __VA_ARGS__) { 0, 0, 0 }                                  \
        };                                                                                                     \
        static struct tracectl_event tracectl_event_ = {                                                       \
                sizeof(struct tracectl_event), TRACECTL_ABI, (level), (n), 0,         \
                provider_, name_, tracectl_fields_, sizeof(struct tracectl_field), __LINE__, __FILE__,         \
        };                                                                                                     \
        static struct tracectl_event *const tracectl_pointer_                                                  \
                __attribute__((section("tracectl_events"), used)) = &tracectl_event_;                          \
        (void) tracectl_pointer_
#endif

#define TRACECTL_DEFINE_(level, provider, name, ...)                                                           \
        TRACECTL_DEFINE_EVENT_(level, TRACECTL_COUNT_(__VA_ARGS__), provider, name __VA_OPT__(,) __VA_ARGS__)
#define TRACECTL_DEFINE_QUERY_(provider, name)                                                                 \
        TRACECTL_DEFINE_EVENT_(TRACECTL_DEBUG, TRACECTL_QUERY, provider, name)

#define TRACECTL_IS_ON_(event) __builtin_expect(__atomic_load_n(&(event).actions, __ATOMIC_RELAXED) != 0, 0)

#define TRACECTL_TRACE_(level, provider, name, ...)                                                            \
        do {                                                                                                   \
                TRACECTL_DEFINE_(level, provider, name __VA_OPT__(,) __VA_ARGS__);                                        \
                if (TRACECTL_IS_ON_(tracectl_event_)) {                                                        \
                        enum {                                                                                 \
                                tracectl_size_ = 0 TRACECTL_EACH_(TRACECTL_SIZE_ __VA_OPT__(,) __VA_ARGS__),              \
                                tracectl_dynamic_ = 0 TRACECTL_EACH_(TRACECTL_DYNAMIC_ __VA_OPT__(,) __VA_ARGS__)         \
                        };                                                                                     \
                        struct tracectl_packed_ {                                                              \
                                TRACECTL_EACH_(TRACECTL_MEMBER_ __VA_OPT__(,) __VA_ARGS__)                                \
                        } __attribute__((packed));                                                             \
                        union {                                                                                \
                                struct tracectl_packed_ packed;                                                \
                                char readable[TRACECTL_ROUND_(tracectl_size_)];                                \
                        } tracectl_values_;                                                                    \
                        TRACECTL_EACH_(TRACECTL_VALUE_ __VA_OPT__(,) __VA_ARGS__)                                         \
                        if (tracectl_dynamic_ == 0) {                                                          \
                                tracectl_record_fixed(&tracectl_event_, &tracectl_values_, tracectl_size_);    \
                        } else {                                                                               \
                                const struct tracectl_span tracectl_spans_[] = {                               \
                                        TRACECTL_EACH_(TRACECTL_SPANS_ __VA_OPT__(,) __VA_ARGS__) { 0, 0, 0 }             \
                                };                                                                             \
                                tracectl_record_spans(&tracectl_event_, tracectl_spans_,                       \
                                                      sizeof(tracectl_spans_) / sizeof(tracectl_spans_[0]) -   \
                                                              1);                                              \
                        }                                                                                      \
                }                                                                                              \
        } while (0)

#define tracectl_trace(provider, name, ...) TRACECTL_TRACE_(TRACECTL_INFO, #provider, #name __VA_OPT__(,) __VA_ARGS__)
#define tracectl_trace_at(level, provider, name, ...) TRACECTL_TRACE_(level, #provider, #name __VA_OPT__(,) __VA_ARGS__)

#define TRACECTL_TRACEF_(...)                                                                                  \
        do {                                                                                                   \
                TRACECTL_DEFINE_(TRACECTL_DEBUG, "tracectl", "tracef", tp_str(message, 0));                    \
                if (TRACECTL_IS_ON_(tracectl_event_))                                                          \
                        tracectl_record_format(&tracectl_event_, __VA_ARGS__);                                 \
        } while (0)
#define tracectl_tracef(...) TRACECTL_TRACEF_(__VA_ARGS__)

/* An event that is never recorded: the library turns it on with all others of its name. */
#define TRACECTL_QUERY 255

#define tracectl_trace_enabled(provider, name)                                                                 \
        __extension__({                                                                                        \
                TRACECTL_DEFINE_QUERY_(#provider, #name);                                                      \
                TRACECTL_IS_ON_(tracectl_event_);                                                              \
        })

/* ---- contexts of the program's own ---- */

#define TRACECTL_CONTEXT_(type, provider, name, ...)                                                           \
        static void tracectl_get_##provider##_##name(void *tracectl_value_) { __VA_ARGS__ }                    \
        static struct tracectl_context tracectl_context_##provider##_##name = {                                \
                sizeof(struct tracectl_context), TRACECTL_ABI, type,                                           \
                #provider, #name, tracectl_get_##provider##_##name, 0,                                         \
        };                                                                                                     \
        static struct tracectl_context *const tracectl_context_pointer_##provider##_##name                     \
                __attribute__((section("tracectl_contexts"), used)) = &tracectl_context_##provider##_##name
#define TRACECTL_CONTEXT_NUMBER_(c_type, type, provider, name, function)                                       \
        TRACECTL_CONTEXT_(type, provider, name, c_type tracectl_result_ = (function)();                        \
                          __builtin_memcpy(tracectl_value_, &tracectl_result_, sizeof(tracectl_result_));)

#define tracectl_context_i64(provider, name, function)                                                         \
        TRACECTL_CONTEXT_NUMBER_(int64_t, TRACECTL_TYPE_I64_, provider, name, function)
#define tracectl_context_u64(provider, name, function)                                                         \
        TRACECTL_CONTEXT_NUMBER_(uint64_t, TRACECTL_TYPE_U64_, provider, name, function)
#define tracectl_context_f64(provider, name, function)                                                         \
        TRACECTL_CONTEXT_NUMBER_(double, TRACECTL_TYPE_F64_, provider, name, function)
#define tracectl_context_str(provider, name, function)                                                         \
        TRACECTL_CONTEXT_(TRACECTL_TYPE_STR_, provider, name,                                                  \
                          (function)((char *) tracectl_value_, TRACECTL_CONTEXT_SIZE);)

#ifdef TRACECTL_SHORT_NAMES
#define tracepoint(provider, name, ...) TRACECTL_TRACE_(TRACECTL_INFO, #provider, #name __VA_OPT__(,) __VA_ARGS__)
#define tracef(...) TRACECTL_TRACEF_(__VA_ARGS__)
#endif

#endif
