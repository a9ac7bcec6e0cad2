#include "lab/prove.h"

#include <algorithm>
#include <map>
#include <utility>

#include "lab/expectations/expectations.h"
#include "lab/wire.h"

namespace bailey::lab {
namespace {

constexpr std::int64_t first_timeout_ms = 300;
constexpr std::int64_t least_patience_ms = 1000;
constexpr std::int64_t most_patience_ms = 3000;
// Who asks waits two minutes for an answer at most, so what is asked again is asked within this.
constexpr std::int64_t again_ms = 80000;
constexpr std::size_t most_rounds = 32;

// One pod is asked about again and again, and which policies select it costs a look at all of them.
class RememberingReach : public reach::Reach {
 public:
  using Reach::Reach;
  std::vector<const model::NetworkPolicy*> policies(const model::Pod& pod,
                                                    reach::PolicyDirection direction) const override {
    auto [at, fresh] = selected_.try_emplace({&pod, direction});
    if (fresh) at->second = Reach::policies(pod, direction);
    return at->second;
  }

 private:
  mutable std::map<std::pair<const model::Pod*, reach::PolicyDirection>, std::vector<const model::NetworkPolicy*>>
      selected_;
};

bool arrived(const base::Json& packets) {
  const std::string& result = packets["result"].as_string();
  return result == "open" || result == "refused";
}

// A row that a probe has answered, so it can be read.
std::optional<reach::Question> question_of_row(const base::Json& row) {
  auto from = model::EndpointName::parse(row["from"].as_string());
  auto to = model::EndpointName::parse(row["to"].as_string());
  const base::Json& number = row["port"];
  auto port = model::Port::parse(number.is_int() ? std::to_string(number.as_int()) : number.as_string());
  if (!from || !to || !port) return std::nullopt;
  reach::Question out{*from, *to, *port, std::nullopt};
  const base::Json& family = row["family"];
  std::string digit = family.is_int() ? std::to_string(family.as_int()) : family.as_string();
  if (digit == "4") out.family = model::Family::v4;
  if (digit == "6") out.family = model::Family::v6;
  return out;
}

base::Json row_alone(const base::Json& answer) {
  base::Json row = base::Json::object();
  for (const char* key : {"id", "from", "to", "port", "family"})
    if (answer.has(key)) row.set(key, answer[key]);
  return row;
}

base::Json packets_json(const base::Json& answer) {
  base::Json out = base::Json::object();
  for (const char* key : {"result", "source_seen", "answered_by", "dropped_at"}) out.set(key, answer[key]);
  return out;
}

base::Json reach_json(const std::variant<reach::Answer, base::Message>& said) {
  if (const auto* unknown = std::get_if<base::Message>(&said))
    return base::Json::object().set("verdict", nullptr).set("message", to_json(*unknown));
  const auto& answer = std::get<reach::Answer>(said);
  return reach::to_json(answer).set("steps", reach::steps_json(answer));
}

}  // namespace

bool agrees(const reach::Question& asked, const base::Json& packets, const reach::Answer& said) {
  if (arrived(packets) != said.allow) return false;
  bool both_name_it = said.source_seen && packets["source_seen"].is_string();
  if (packets["result"].as_string() != "open" || !both_name_it) return true;
  Expectation row;
  row.what = ReachExpectation{asked.from, asked.to, asked.port, asked.family, true, said.source_seen->text(), "", ""};
  return judge(row, packets, {}).verdict == Verdict::passed;
}

struct Prover::Proof {
  base::Json::Array rows;
  std::int64_t patience_ms = least_patience_ms;
  std::size_t at_once = 1;                   // of those that are asked again
  std::map<std::size_t, base::Json> doubts;  // by row: what did not agree
  std::vector<std::size_t> again;            // still to be asked again, last first
  std::size_t gone = 0;
  std::vector<bool> through;  // by row: whether packets arrive
  Questions::Answered answered;
};

void Prover::prove(const base::Json& request, Questions::Answered answered) {
  auto proof = std::make_shared<Proof>();
  proof->rows = request.has("rows") ? request["rows"].items() : questions_.matrix(true);
  proof->through.resize(proof->rows.size());
  proof->answered = std::move(answered);
  std::int64_t timeout_ms = request["timeout_ms"].as_int(first_timeout_ms);
  proof->patience_ms = std::max(timeout_ms, std::clamp(4 * timeout_ms, least_patience_ms, most_patience_ms));
  base::Json ask = base::Json::object().set("timeout_ms", timeout_ms).set("rows", proof->rows);
  questions_.probe(ask, [this, proof](Answer<base::Json> answer) {
    if (std::holds_alternative<Failure>(answer)) return proof->answered(std::move(answer));
    std::vector<std::size_t> all(proof->rows.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    compare(*proof, all, std::get<base::Json>(answer));
    for (const auto& [row, doubt] : proof->doubts) proof->again.push_back(row);
    std::reverse(proof->again.begin(), proof->again.end());
    auto rounds = std::clamp<std::size_t>(static_cast<std::size_t>(again_ms / proof->patience_ms), 1, most_rounds);
    proof->at_once = (proof->again.size() + rounds - 1) / rounds;
    ask_again(proof);
  });
}

void Prover::compare(Proof& proof, const std::vector<std::size_t>& asked, const base::Json& answer) {
  RememberingReach reach(network_.current());
  const base::Json::Array& rows = answer["rows"].items();
  for (std::size_t i = 0; i < asked.size() && i < rows.size(); ++i) {
    std::optional<reach::Question> question = question_of_row(rows[i]);
    if (!question) continue;
    auto said = reach.ask(*question);
    const auto* known = std::get_if<reach::Answer>(&said);
    proof.through[asked[i]] = arrived(rows[i]);
    proof.doubts.erase(asked[i]);
    if (known && agrees(*question, rows[i], *known)) continue;
    base::Json doubt = row_alone(rows[i]).set("packets", packets_json(rows[i]));
    proof.doubts[asked[i]] = doubt.set("reach", reach_json(said));
  }
}

void Prover::ask_again(const std::shared_ptr<Proof>& proof) {
  std::vector<std::size_t> asked;
  base::Json::Array rows;
  while (!proof->again.empty() && asked.size() < proof->at_once) {
    std::size_t row = proof->again.back();
    proof->again.pop_back();
    auto there = [&](const char* end) {
      auto name = model::EndpointName::parse(proof->rows[row][end].as_string());
      return name && std::holds_alternative<Place>(questions_.find(*name));
    };
    if (there("from") && there("to")) {
      asked.push_back(row);
      rows.push_back(proof->rows[row]);
      continue;
    }
    proof->through[row] = false;
    proof->doubts.erase(row);
    ++proof->gone;
  }
  if (asked.empty()) return finish(*proof);
  base::Json ask = base::Json::object().set("timeout_ms", proof->patience_ms).set("rows", std::move(rows));
  questions_.probe(ask, [this, proof, asked](const Answer<base::Json>& answer) {
    if (std::holds_alternative<base::Json>(answer)) compare(*proof, asked, std::get<base::Json>(answer));
    ask_again(proof);
  });
}

void Prover::finish(Proof& proof) {
  std::size_t rows = proof.rows.size() - proof.gone;
  auto allowed = static_cast<std::size_t>(std::count(proof.through.begin(), proof.through.end(), true));
  base::Json disagreements = base::Json::array();
  for (auto& [row, doubt] : proof.doubts) disagreements.push(std::move(doubt));
  base::Json out = base::Json::object().set("rows", rows).set("agreed", rows - proof.doubts.size());
  out.set("allowed", allowed).set("denied", rows - allowed);
  out.set("generation", network_.given().generation()).set("disagreements", std::move(disagreements));
  proof.answered(std::move(out));
}

void Prover::explain(const base::Json& request, Questions::Answered answered) {
  std::int64_t timeout_ms = request["timeout_ms"].as_int(least_patience_ms);
  base::Json ask =
      base::Json::object().set("timeout_ms", timeout_ms).set("rows", base::Json::Array{row_alone(request)});
  questions_.probe(ask, [this, answered = std::move(answered)](Answer<base::Json> answer) {
    if (std::holds_alternative<Failure>(answer)) return answered(std::move(answer));
    const base::Json& row = std::get<base::Json>(answer)["rows"].items()[0];
    std::optional<reach::Question> question = question_of_row(row);
    auto said = reach::Reach(network_.current()).ask(*question);
    const auto* known = std::get_if<reach::Answer>(&said);
    if (!known) return answered(usage_failure(std::get<base::Message>(said)));
    base::Json out = row_alone(row);
    base::Json told = reach_json(said);
    for (const auto& [key, value] : told.members()) out.set(key, value);
    out.set("packets", packets_json(row)).set("agree", agrees(*question, row, *known));
    answered(out.set("generation", network_.given().generation()));
  });
}

}  // namespace bailey::lab
