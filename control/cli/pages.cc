#include "pages.h"

#include <fmt/format.h>

namespace heddle::cli {
namespace {

constexpr uint32_t kPageSize = 1'000;
constexpr int kMaxStarts = 5;

std::unexpected<Failure> refuse(std::string why) {
  return std::unexpected(Failure{kRefused, std::move(why)});
}

// Nothing when the version changed on the way.
Reply<std::optional<v1::GetResponse>> get_once(Client& client, v1::GetRequest request) {
  v1::GetResponse all;
  while (true) {
    auto page = client.get(request);
    if (!page) return std::unexpected(page.error());
    const bool first = request.page_token().empty();
    if (!first && page->version() != all.version()) return std::nullopt;
    const std::string next = page->next_page_token();
    // Else heddled would be asked for ever.
    if (!next.empty() && (page->resources().empty() || next == request.page_token()))
      return refuse("heddled gives page after page without resources");
    page->clear_next_page_token();
    if (first) {
      all = std::move(*page);
    } else {
      for (v1::Resource& resource : *page->mutable_resources())
        *all.add_resources() = std::move(resource);
    }
    if (next.empty()) return all;
    request.set_page_token(next);
  }
}

}  // namespace

Reply<v1::GetResponse> get_all(const Options& options, v1::GetRequest request) {
  request.set_page_size(kPageSize);
  auto client = Client::make(options.server);
  if (!client) return std::unexpected(client.error());
  for (int i = 0; i < kMaxStarts; ++i) {
    auto response = get_once(*client, request);
    if (!response) return std::unexpected(response.error());
    if (*response) return std::move(**response);
  }
  return refuse("the policy changed each time while it was read; try again");
}

}  // namespace heddle::cli
