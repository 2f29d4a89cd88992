#include "train/training_log.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <map>

#include "base/error.h"
#include "formats/pending_file.h"

namespace medlar::train {
namespace {

constexpr double width = 640.0;
constexpr double height = 360.0;
constexpr double margin = 48.0;

struct Point {
  double step;
  double value;
};

/// A polyline over the plot's area; the values lie in [0, highest].
std::string polyline(const std::vector<Point>& points, double steps, double highest,
                     std::string_view colour) {
  std::string text = fmt::format(R"(<polyline fill="none" stroke="{}" points=")", colour);
  for (const Point& p : points) {
    text += fmt::format("{:.1f},{:.1f} ", margin + p.step / steps * (width - 2.0 * margin),
                        height - margin - p.value / highest * (height - 2.0 * margin));
  }
  return text + "\"/>\n";
}

std::string label(double x, double y, std::string_view colour, const std::string& text) {
  return fmt::format(R"(<text x="{:.0f}" y="{:.0f}" fill="{}">{}</text>)", x, y, colour, text) +
         "\n";
}

}  // namespace

TrainingLog::TrainingLog(std::filesystem::path folder) : folder_(std::move(folder)) {
  std::ifstream file(folder_ / "log.jsonl");
  for (std::string line; std::getline(file, line);) {
    // The last line may be cut short where the program was killed.
    if (Json::accept(line)) entries_.push_back(Json::parse(line));
  }
}

void TrainingLog::add(const Json& entry) {
  entries_.push_back(entry);
  std::ofstream file(folder_ / "log.jsonl", std::ios::app);
  file << entry.dump() << '\n';
  if (!file.flush()) fail(ErrorCode::io, "cannot write {}", (folder_ / "log.jsonl").string());
}

void TrainingLog::keep_until(i64 step) {
  std::erase_if(entries_, [&](const Json& entry) { return entry.value("step", i64{0}) > step; });
  std::string text;
  for (const Json& entry : entries_) text += entry.dump() + "\n";
  formats::write_file(folder_ / "log.jsonl", text);
}

void TrainingLog::draw_curves() const {
  constexpr std::array colours = {"#1f6f8b", "#c2571a", "#3b7a57", "#8a3ffc", "#b0246b", "#7a6a00"};
  std::vector<Point> loss;
  std::vector<Point> devel_loss;
  std::map<std::string, std::vector<Point>> scores;
  double steps = 1.0;
  double highest = 1e-9;
  for (const Json& entry : entries_) {
    const auto step = entry.value("step", 0.0);
    steps = std::max(steps, step);
    for (const auto& [key, points] :
         {std::pair("loss", &loss), std::pair("devel_loss", &devel_loss)}) {
      if (!entry.contains(key)) continue;
      points->push_back({step, entry.value(key, 0.0)});
      highest = std::max(highest, points->back().value);
    }
    if (!entry.contains("devel_f1")) continue;
    for (const auto& [head, f1] : entry["devel_f1"].items())
      scores[head].push_back({step, f1.get<double>()});
  }
  std::string svg = fmt::format(
      R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {1}" font-family="sans-serif" font-size="11">)"
      "\n"
      R"(<rect width="{0}" height="{1}" fill="white"/>)"
      "\n",
      width, height);
  svg += label(margin, margin - 24.0, "#555",
               fmt::format("loss (0 to {:.3g}, grey) and F1 on devel (0 to 1) over {:.0f} steps",
                           highest, steps));
  svg += polyline(loss, steps, highest, "#999");
  if (!devel_loss.empty()) {
    svg += polyline(devel_loss, steps, highest, "#c2571a");
    svg += label(margin, margin - 8.0, "#c2571a",
                 fmt::format("devel loss {:.3f}", devel_loss.back().value));
  }
  double y = margin - 8.0;
  for (std::size_t i = 0; const auto& [head, points] : scores) {
    const std::string_view colour = colours[i % colours.size()];
    svg += polyline(points, steps, 1.0, colour);
    svg += label(margin + 96.0 * static_cast<double>(i), y, colour,
                 fmt::format("{} {:.3f}", head, points.back().value));
    ++i;
  }
  formats::write_file(folder_ / "curves.svg", svg + "</svg>\n");
}

}  // namespace medlar::train
