#include "lab/given.h"

#include <algorithm>
#include <utility>

#include "manifest/parse.h"

namespace bailey::lab {
namespace {

// The documents of a file in which one of the lines is.
std::string documents_at(const std::string& text, const std::vector<std::uint32_t>& lines) {
  std::string out;
  for (const manifest::Chunk& chunk : manifest::split_documents(text)) {
    auto end = chunk.first_line + static_cast<std::uint32_t>(std::count(chunk.text.begin(), chunk.text.end(), '\n'));
    bool ends_open = !chunk.text.ends_with('\n');
    bool holds = std::any_of(lines.begin(), lines.end(), [&](std::uint32_t line) {
      return line >= chunk.first_line && (line < end || (ends_open && line == end));
    });
    if (!holds) continue;
    if (!out.empty() && !out.ends_with('\n')) out += '\n';
    if (!out.empty() && !chunk.text.starts_with("---")) out += "---\n";
    out += chunk.text;
  }
  return out;
}

}  // namespace

Given::Batch Given::batch(std::vector<manifest::Document> documents, const std::vector<model::AnyObject>& objects) {
  Batch out;
  out.documents = std::move(documents);
  for (const model::AnyObject& object : objects) {
    const model::Meta& meta = model::meta(object);
    for (std::size_t i = 0; i < out.documents.size(); ++i)
      if (out.documents[i].file == meta.source->file()) {
        out.places.push_back({meta.ref(), i, meta.source->start().line});
        break;
      }
  }
  return out;
}

void Given::add(Batch batch) {
  std::vector<std::shared_ptr<const manifest::Document>> shared;
  for (manifest::Document& document : batch.documents)
    shared.push_back(std::make_shared<const manifest::Document>(std::move(document)));
  for (const Batch::Place& place : batch.places)
    held_[place.ref] = {shared[place.document], next_ + place.document, place.line};
  next_ += shared.size();
}

std::vector<manifest::Document> Given::documents() const {
  std::map<std::size_t, std::pair<const manifest::Document*, std::vector<std::uint32_t>>> by_number;
  for (const auto& [ref, holder] : held_) {
    auto& [document, lines] = by_number[holder.number];
    document = holder.document.get();
    lines.push_back(holder.line);
  }
  std::vector<manifest::Document> out;
  for (const auto& [number, entry] : by_number)
    out.push_back({entry.first->file, documents_at(entry.first->text, entry.second)});
  return out;
}

}  // namespace bailey::lab
