#include "http/date.h"

#include <algorithm>
#include <chrono>
#include <string_view>

namespace heddle::http {

namespace {

constexpr std::string_view kDays = "SunMonTueWedThuFriSat";
constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";

}  // namespace

void write_date(int64_t unix_seconds, std::span<char, kDateBytes> to) {
  using namespace std::chrono;
  const sys_seconds time{seconds{unix_seconds}};
  const sys_days day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  size_t at = 0;
  const auto put = [&](std::string_view text) {
    std::copy(text.begin(), text.end(), &to[at]);
    at += text.size();
  };
  const auto put_number = [&](unsigned number, unsigned digits) {
    for (unsigned i = digits; i > 0; --i, number /= 10)
      to[at + i - 1] = static_cast<char>('0' + number % 10);
    at += digits;
  };
  put(kDays.substr(3 * weekday(day).c_encoding(), 3));
  put(", ");
  put_number(static_cast<unsigned>(date.day()), 2);
  put(" ");
  put(kMonths.substr(3 * (static_cast<unsigned>(date.month()) - 1), 3));
  put(" ");
  put_number(static_cast<unsigned>(static_cast<int>(date.year())), 4);
  put(" ");
  put_number(static_cast<unsigned>(clock.hours().count()), 2);
  put(":");
  put_number(static_cast<unsigned>(clock.minutes().count()), 2);
  put(":");
  put_number(static_cast<unsigned>(clock.seconds().count()), 2);
  put(" GMT");
}

}  // namespace heddle::http
