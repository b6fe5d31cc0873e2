// nghttp2's C callbacks, each one line into the session.
#include "http/http1/head_parser.h"
#include "http/http2/session.h"

namespace heddle::http2 {

struct Callbacks {
  static Session& of(void* user) { return *static_cast<Session*>(user); }
  static std::string_view text(nghttp2_rcbuf* buffer) {
    const nghttp2_vec bytes = nghttp2_rcbuf_get_buf(buffer);
    return {reinterpret_cast<const char*>(bytes.base), bytes.len};
  }

  static int begin_frame(nghttp2_session*, const nghttp2_frame_hd* frame, void* user) {
    return of(user).on_begin_frame(*frame);
  }
  static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    return of(user).on_begin_headers(*frame);
  }
  static int header(nghttp2_session*, const nghttp2_frame* frame, nghttp2_rcbuf* name,
                    nghttp2_rcbuf* value, uint8_t flags, void* user) {
    const bool secret = (flags & NGHTTP2_NV_FLAG_NO_INDEX) != 0;
    return of(user).on_header(*frame, text(name), text(value), secret);
  }
  static int invalid_header(nghttp2_session*, const nghttp2_frame* frame, nghttp2_rcbuf* name,
                            nghttp2_rcbuf* value, uint8_t, void* user) {
    return of(user).on_invalid_header(*frame, text(name), text(value));
  }
  static int invalid_frame(nghttp2_session*, const nghttp2_frame* frame, int code, void* user) {
    of(user).on_invalid_frame(*frame, code);
    return 0;
  }
  static int frame_received(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    return of(user).on_frame(*frame);
  }
  static int data_chunk(nghttp2_session*, uint8_t, int32_t number, const uint8_t* data, size_t size,
                        void* user) {
    return of(user).on_data(of(user).find(number), {data, size});
  }
  static int stream_close(nghttp2_session*, int32_t number, uint32_t code, void* user) {
    Stream* stream = of(user).find(number);
    if (stream != nullptr) of(user).on_close(*stream, static_cast<ErrorCode>(code));
    return 0;
  }
  static int frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    of(user).on_sent(*frame);
    return 0;
  }
  static int frame_not_sent(nghttp2_session*, const nghttp2_frame* frame, int, void* user) {
    of(user).on_not_sent(*frame);
    return 0;
  }
  static int send_data(nghttp2_session*, nghttp2_frame* frame, const uint8_t* header, size_t size,
                       nghttp2_data_source*, void* user) {
    return of(user).send_data(of(user).find(frame->hd.stream_id), header, size);
  }
  // Frames of types that nobody here knows are counted when they begin, and passed over.
  static int unpack(nghttp2_session*, void**, const nghttp2_frame_hd*, void*) {
    return NGHTTP2_ERR_CANCEL;
  }
  static void fill(nghttp2_session_callbacks* all) {
    nghttp2_session_callbacks_set_on_begin_frame_callback(all, begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(all, begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(all, header);
    nghttp2_session_callbacks_set_on_invalid_header_callback2(all, invalid_header);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(all, invalid_frame);
    nghttp2_session_callbacks_set_on_frame_recv_callback(all, frame_received);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(all, data_chunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(all, stream_close);
    nghttp2_session_callbacks_set_on_frame_send_callback(all, frame_sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(all, frame_not_sent);
    nghttp2_session_callbacks_set_send_data_callback(all, send_data);
    nghttp2_session_callbacks_set_unpack_extension_callback(all, unpack);
  }
};

Store::Store(uint32_t stream_count, size_t memory_bytes, const Limits& limits,
             tcp::Pieces& all_pieces, tcp::BufferSource& all_buffers)
    : streams(stream_count),
      arenas(stream_count, http1::arena_bytes(limits.message)),
      memory(memory_bytes),
      pieces(all_pieces),
      buffers(all_buffers) {
  const bool made =
      nghttp2_session_callbacks_new(&callbacks) == 0 && nghttp2_option_new(&option) == 0;
  HEDDLE_CHECK(made, "no memory at start");
  Callbacks::fill(callbacks);
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_max_outbound_ack(option, limits.outbound_acks);
  nghttp2_option_set_max_deflate_dynamic_table_size(option, limits.header_table);
  nghttp2_option_set_max_reserved_remote_streams(option, 0);
  nghttp2_option_set_no_closed_streams(option, 1);
  for (int type = NGHTTP2_CONTINUATION + 1; type < 256; ++type)
    nghttp2_option_set_user_recv_extension_type(option, static_cast<uint8_t>(type));
  // Its own limit reads a clock; ours does not.
  nghttp2_option_set_stream_reset_rate_limit(option, UINT32_MAX, UINT32_MAX);
}

Store::~Store() {
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_option_del(option);
}

}  // namespace heddle::http2
