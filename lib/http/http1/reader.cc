#include "http/http1/reader.h"

#include <algorithm>

#include "http/chars.h"

namespace heddle::http1 {

Progress read_head(HeadParser& parser, tcp::Pieces& pieces, tcp::Chain& in) {
  Progress progress = Progress::kMore;
  while (progress == Progress::kMore && !in.empty()) {
    const tcp::Piece& first = pieces[in.head];
    size_t used = 0;
    progress = parser.feed(http::text_of({first.data, first.size}), used);
    pieces.drop_front(in, static_cast<uint32_t>(used));
  }
  return progress;
}

Progress read_body(BodyReader& reader, tcp::Pieces& pieces, tcp::Chain& in, tcp::Chain& out,
                   uint32_t max) {
  while (true) {
    std::string_view input;
    if (!in.empty()) input = http::text_of({pieces[in.head].data, pieces[in.head].size});
    size_t used = 0;
    const Progress progress = reader.read_framing(input, used);
    if (used > 0) pieces.drop_front(in, static_cast<uint32_t>(used));
    if (progress != Progress::kMore) return progress;
    if (in.empty()) return Progress::kMore;
    const auto wanted =
        static_cast<uint32_t>(std::min<uint64_t>({reader.data_ready(), in.bytes, max}));
    if (reader.data_ready() == 0) continue;
    if (wanted == 0) return Progress::kMore;
    tcp::Chain data = pieces.split(in, wanted);
    if (data.empty()) return Progress::kMore;
    max -= data.bytes;
    reader.took(data.bytes);
    pieces.join(out, data);
  }
}

}  // namespace heddle::http1
