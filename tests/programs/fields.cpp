/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every field type, from C++: inline functions, templates, lambdas, members, exceptions. */

#include <stdexcept>

#include <tracectl/tracepoint.h>

inline void from_inline(int n) {
        tracectl_trace(fields, from_inline, tp_i32(n, n));
}

template <class T> static void from_template(T value) {
        tracectl_trace(fields, from_template, tp_u64(size, sizeof(value)), tp_f64(value, value));
}

struct Object {
        ~Object() { tracectl_trace(fields, from_destructor); }
        void method() { tracectl_trace(fields, from_method, tp_hex64(self, 0xfeedfacecafebeef)); }
};

static void throwing() {
        Object object;

        object.method();
        throw std::runtime_error("x");
}

int main() {
        static const int16_t i16[] = { -1, 2, -3 };
        static const uint32_t u32[] = { 1, 4000000000u };
        const char *null = nullptr;

        tracectl_trace_at(TRACECTL_WARNING, fields, scalars, tp_i8(i8, -128), tp_u8(u8, 255), tp_i16(i16, -32768),
                          tp_u16(u16, 65535), tp_i32(i32, -2147483647 - 1), tp_u32(u32, 4294967295u),
                          tp_i64(i64, INT64_MIN), tp_u64(u64, UINT64_MAX), tp_hex64(hex64, 0xabcdef),
                          tp_f32(f32, 1.5), tp_f64(f64, -2.25), tp_bool(yes, 42), tp_bool(no, 0));
        tracectl_trace(fields, dynamic, tp_str(str, "hello"), tp_str(null, null), tp_text(text, "h\303\251llo!", 6),
                       tp_bytes(bytes, "\0\1\377", 3), tp_array_i16(i16, i16, 3), tp_array_u32(u32, u32, 2),
                       tp_array_u8(empty, nullptr, 7), tp_u8(last, 9));
        tracectl_trace(fields, none);
        from_inline(7);
        from_template(1.0f);
        from_template(2.0);
        auto lambda = [](int k) { tracectl_trace(fields, from_lambda, tp_i32(k, k)); };
        lambda(3);
        try {
                throwing();
        } catch (const std::exception &e) {
                tracectl_trace(fields, caught, tp_str(what, e.what()));
        }
        return 0;
}
