// Every pair of endpoints of either side is looked at, but only through the indices of its verdicts: two verdicts that
// belong to one pair of classes are compared once.
#include "reach/diff.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <unordered_map>

namespace bailey::reach {
namespace {

using model::Port;

constexpr std::size_t none = ~std::size_t{0};

bool same_deciders(const std::vector<Decider>& a, const std::vector<Decider>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Decider& x, const Decider& y) {
    return x.object == y.object && x.rule == y.rule;  // lines move with every edit of a file
  });
}

enum class Effect : std::uint8_t { nothing, opened, closed, changed };

Effect effect(const Verdict* before, const Verdict* after) {
  bool was = before && before->allow;
  bool is = after && after->allow;
  if (was != is) return is ? Effect::opened : Effect::closed;
  if (!before || !after) return Effect::nothing;
  bool same = before->source == after->source && before->reason == after->reason &&
              same_deciders(before->decided_by, after->decided_by);
  return same ? Effect::nothing : Effect::changed;
}

// An endpoint as it is on each side; `none` where it is not.
struct Twin {
  std::size_t before = none;
  std::size_t after = none;
  std::size_t group = 0;
  std::string name;
};

class Comparison {
 public:
  Comparison(Matrix& before, Matrix& after) : before_(before), after_(after) {
    std::map<model::EndpointName, Twin> twins;
    for (std::size_t i = 0; i < before.size(); ++i) twins[before.endpoint(i)].before = i;
    for (std::size_t i = 0; i < after.size(); ++i) twins[after.endpoint(i)].after = i;
    std::map<std::string, std::size_t> numbers;
    for (auto& [name, twin] : twins) {
      std::string group = twin.after != none ? group_of(after, twin.after) : group_of(before, twin.before);
      auto [at, fresh] = numbers.try_emplace(group, groups_.size());
      if (fresh) groups_.push_back(group);
      twin.group = at->second;
      twin.name = name.text();
      twins_.push_back(std::move(twin));
    }
  }

  std::vector<Change> run() {
    for (std::size_t to = 0; to < twins_.size(); ++to)
      for (const Port& port : ports_of(twins_[to]))
        for (std::size_t from = 0; from < twins_.size(); ++from)
          if (from != to) look(from, to, port);
    std::vector<Change> out;
    for (auto& [key, change] : changes_) out.push_back(std::move(change));
    std::sort(out.begin(), out.end(), [](const Change& a, const Change& b) {
      return std::tuple(a.kind, main_decider(a), a.from, a.to, a.port) <
             std::tuple(b.kind, main_decider(b), b.from, b.to, b.port);
    });
    return out;
  }

 private:
  std::vector<Port> ports_of(const Twin& twin) const {
    std::vector<Port> out;
    if (twin.before != none) out = before_.ports(twin.before);
    if (twin.after != none) {
      const std::vector<Port>& more = after_.ports(twin.after);
      out.insert(out.end(), more.begin(), more.end());
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
  }

  static const Verdict* verdict_in(Matrix& matrix, std::size_t from, std::size_t to, const Port& port) {
    return from == none || to == none ? nullptr : &matrix.verdict(from, to, port);
  }

  void look(std::size_t from, std::size_t to, const Port& port) {
    const Verdict* was = verdict_in(before_, twins_[from].before, twins_[to].before, port);
    const Verdict* is = verdict_in(after_, twins_[from].after, twins_[to].after, port);
    auto [known, fresh] = effects_.try_emplace({was, is}, Effect::nothing);
    if (fresh) known->second = effect(was, is);
    if (known->second == Effect::nothing) return;
    Change& change = changes_[{known->second, twins_[from].group, twins_[to].group, port, identity(was), identity(is)}];
    if (change.pairs++ == 0) {
      change.kind = static_cast<Change::Kind>(static_cast<int>(known->second) - 1);
      change.from = groups_[twins_[from].group];
      change.to = groups_[twins_[to].group];
      change.port = port;
      if (was) change.before = *was;
      if (is) change.after = *is;
    }
    if (change.examples.size() < 3) change.examples.push_back(twins_[from].name + " -> " + twins_[to].name);
  }

  // Verdicts that say the same have one number, whichever pair of classes they belong to.
  std::size_t identity(const Verdict* verdict) {
    if (!verdict) return none;
    auto [at, fresh] = identities_.try_emplace(verdict, 0);
    if (!fresh) return at->second;
    std::string text = to_json(*verdict).dump();
    at->second = texts_.try_emplace(std::move(text), texts_.size()).first->second;
    return at->second;
  }

  static std::string main_decider(const Change& change) {
    const std::optional<Verdict>& side = change.after ? change.after : change.before;
    return side && !side->decided_by.empty() ? side->decided_by.front().object.text() : "";
  }

  struct PairHash {
    std::size_t operator()(const std::pair<const Verdict*, const Verdict*>& pair) const {
      return std::hash<const void*>()(pair.first) * 31 + std::hash<const void*>()(pair.second);
    }
  };

  Matrix& before_;
  Matrix& after_;
  std::vector<Twin> twins_;
  std::vector<std::string> groups_;
  std::unordered_map<std::pair<const Verdict*, const Verdict*>, Effect, PairHash> effects_;
  std::unordered_map<const Verdict*, std::size_t> identities_;
  std::map<std::string, std::size_t> texts_;
  std::map<std::tuple<Effect, std::size_t, std::size_t, Port, std::size_t, std::size_t>, Change> changes_;
};

}  // namespace

std::string_view name(Change::Kind kind) {
  constexpr std::string_view names[] = {"opened", "closed", "changed"};
  return names[static_cast<int>(kind)];
}

std::string group_of(const Matrix& matrix, std::size_t endpoint) {
  const Place& place = matrix.place(endpoint);
  if (place.pod && place.pod->owner) return place.pod->owner->text();
  return matrix.endpoint(endpoint).text();
}

std::vector<Change> diff(Matrix& before, Matrix& after) { return Comparison(before, after).run(); }

base::Json to_json(const Verdict& verdict) {
  constexpr const char* sources[] = {"", "own", "node", "translated"};
  base::Json out = base::Json::object();
  out.set("verdict", verdict.allow ? "allow" : "deny");
  out.set("reason", verdict.reason.empty() ? base::Json() : base::Json(verdict.reason));
  out.set("decided_by", to_json(verdict.decided_by));
  const char* source = sources[static_cast<int>(verdict.source)];
  return out.set("source_kind", *source ? base::Json(source) : base::Json());
}

base::Json to_json(const Change& change) {
  base::Json out = base::Json::object();
  out.set("from", change.from).set("to", change.to).set("port", change.port.text()).set("pairs", change.pairs);
  base::Json examples = base::Json::array();
  for (const std::string& example : change.examples) examples.push(example);
  out.set("examples", std::move(examples));
  out.set("before", change.before ? to_json(*change.before) : base::Json());
  return out.set("after", change.after ? to_json(*change.after) : base::Json());
}

}  // namespace bailey::reach
