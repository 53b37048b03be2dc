// The rows of tools/bench/main.c with CAF 0.17, the C++ Actor Framework. `peer ROW WORKERS` prints "row value"; the
// second round counts. Actors are event-based classes whose behaviour is made once; messages are integers and
// actor handles, which CAF stores without serialising.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <mutex>
#include <random>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

#include <caf/all.hpp>

using caf::actor;
using caf::actor_config;
using caf::actor_system;
using caf::behavior;
using caf::event_based_actor;
using go_atom = caf::atom_constant<caf::atom("go")>;
using stop_atom = caf::atom_constant<caf::atom("stop")>;
using clock_type = std::chrono::steady_clock;

namespace {

// ---- the end of a round ----

std::mutex lock;
std::condition_variable changed;
int left_over = 0;
std::atomic<uint64_t> counted{0};

void finish()
{
    std::lock_guard<std::mutex> guard(lock);
    if (--left_over == 0) {
        changed.notify_one();
    }
}

void expect(int count)
{
    std::lock_guard<std::mutex> guard(lock);
    left_over = count;
}

void await()
{
    std::unique_lock<std::mutex> guard(lock);
    changed.wait(guard, [] { return left_over == 0; });
}

void check(const char *what, uint64_t found, uint64_t expected)
{
    if (found != expected) {
        fprintf(stderr, "%s: %llu, expected %llu\n", what, static_cast<unsigned long long>(found),
                static_cast<unsigned long long>(expected));
        exit(1);
    }
}

// Things in a second.
double rate(uint64_t count, int ends, const std::function<void()> &start)
{
    expect(ends);
    auto began = clock_type::now();
    start();
    await();
    return static_cast<double>(count) /
           std::chrono::duration<double>(clock_type::now() - began).count();
}

void report(const std::string &row, double value)
{
    printf("%s %g\n", row.c_str(), value);
}

// ---- rings: pass a countdown on ----

class passer : public event_based_actor {
public:
    explicit passer(actor_config &config) : event_based_actor(config) {}

    behavior make_behavior() override
    {
        return {[this](actor next) { next_ = std::move(next); },
                [this](uint64_t left) {
                    seen_++;
                    if (left == 0) {
                        finish();
                    } else {
                        send(next_, left - 1);
                    }
                },
                [this](stop_atom) {
                    counted += seen_;
                    next_ = nullptr;
                    quit();
                    finish();
                }};
    }

private:
    actor next_;
    uint64_t seen_ = 0;
};

void stop_all(const std::vector<actor> &actors)
{
    expect(static_cast<int>(actors.size()));
    for (auto &a : actors) {
        caf::anon_send(a, stop_atom::value);
    }
    await();
}

double ring(actor_system &system, size_t processes, size_t tokens, uint64_t hops)
{
    std::vector<actor> actors;
    for (size_t i = 0; i < processes; i++) {
        actors.push_back(system.spawn<passer>());
    }
    for (size_t i = 0; i < processes; i++) {
        caf::anon_send(actors[i], actors[(i + 1) % processes]);
    }
    counted = 0;
    double speed = rate(hops, static_cast<int>(tokens), [&] {
        for (size_t i = 0; i < tokens; i++) {
            caf::anon_send(actors[i * processes / tokens], hops / tokens - 1);
        }
    });
    stop_all(actors);
    check("hops", counted, hops);
    return speed;
}

// ---- random pairs ----

class wanderer : public event_based_actor {
public:
    wanderer(actor_config &config, const std::vector<actor> &all, uint64_t seed)
        : event_based_actor(config), all_(all), random_(seed)
    {
    }

    behavior make_behavior() override
    {
        return {[this](uint64_t left) {
                    seen_++;
                    if (left == 0) {
                        finish();
                        return;
                    }
                    random_ = random_ * 6364136223846793005u + 1442695040888963407u;
                    send(all_[(random_ >> 33) % all_.size()], left - 1);
                },
                [this](stop_atom) {
                    counted += seen_;
                    quit();
                    finish();
                }};
    }

private:
    const std::vector<actor> &all_;
    uint64_t random_;
    uint64_t seen_ = 0;
};

double random_pairs(actor_system &system, size_t processes, uint64_t each)
{
    std::vector<actor> actors;
    actors.reserve(processes);
    for (size_t i = 0; i < processes; i++) {
        actors.push_back(system.spawn<wanderer>(std::cref(actors), i + 1));
    }
    counted = 0;
    double speed = rate(processes * each, static_cast<int>(processes), [&] {
        for (auto &a : actors) {
            caf::anon_send(a, each - 1);
        }
    });
    stop_all(actors);
    check("hops", counted, processes * each);
    return speed;
}

// ---- fan-in: windows of 100 kept open by answers ----

class sink : public event_based_actor {
public:
    sink(actor_config &config, uint64_t expected) : event_based_actor(config), left_(expected) {}

    behavior make_behavior() override
    {
        return {[this](uint64_t number) {
            if (number % 100 == 99) {
                send(caf::actor_cast<actor>(current_sender()), go_atom::value);
            }
            counted_ += number;
            if (--left_ == 0) {
                counted = counted_;
                quit();
                finish();
            }
        }};
    }

private:
    uint64_t left_;
    uint64_t counted_ = 0;
};

class sender : public event_based_actor {
public:
    sender(actor_config &config, actor to, uint64_t count)
        : event_based_actor(config), to_(std::move(to)), count_(count)
    {
    }

    behavior make_behavior() override
    {
        return {[this](go_atom) {
            for (int i = 0; i < 100 && sent_ < count_; i++) {
                send(to_, sent_++);
            }
            if (sent_ == count_) {
                quit();
            }
        }};
    }

private:
    actor to_;
    uint64_t count_;
    uint64_t sent_ = 0;
};

double fanin(actor_system &system, uint64_t senders, uint64_t each)
{
    actor to = system.spawn<sink>(senders * each);
    std::vector<actor> from;
    for (uint64_t i = 0; i < senders; i++) {
        from.push_back(system.spawn<sender>(to, each));
    }
    double speed = rate(senders * each, 1, [&] {
        for (auto &a : from) {
            caf::anon_send(a, go_atom::value);
        }
    });
    check("sum", counted, senders * (each * (each - 1) / 2));
    return speed;
}

// ---- spawn: one message there, one back, exit; 100 alive ----

class child : public event_based_actor {
public:
    explicit child(actor_config &config) : event_based_actor(config) {}

    behavior make_behavior() override
    {
        return {[this](const actor &parent) {
            send(parent, uint64_t{1});
            quit();
        }};
    }
};

class nursery : public event_based_actor {
public:
    nursery(actor_config &config, uint64_t count) : event_based_actor(config), left_(count) {}

    behavior make_behavior() override
    {
        return {[this](go_atom) {
                    for (int i = 0; i < 100; i++) {
                        bear();
                    }
                },
                [this](uint64_t one) {
                    counted += one;
                    alive_--;
                    if (left_ > 0) {
                        bear();
                    } else if (alive_ == 0) {
                        quit();
                        finish();
                    }
                }};
    }

private:
    void bear()
    {
        left_--;
        alive_++;
        send(spawn<child, caf::lazy_init>(), caf::actor_cast<actor>(this));
    }

    uint64_t left_;
    uint64_t alive_ = 0;
};

double nurse(actor_system &system, uint64_t count)
{
    counted = 0;
    actor parent = system.spawn<nursery>(count);
    double speed = rate(count, 1, [&] { caf::anon_send(parent, go_atom::value); });
    check("children", counted, count);
    return speed;
}

// ---- spawnwait ----

class mayfly : public event_based_actor {
public:
    explicit mayfly(actor_config &config) : event_based_actor(config) {}

    behavior make_behavior() override
    {
        quit();
        return {};
    }
};

class waiter : public event_based_actor {
public:
    waiter(actor_config &config, uint64_t count) : event_based_actor(config), left_(count)
    {
        set_down_handler([this](caf::down_msg &) {
            counted++;
            next();
        });
    }

    behavior make_behavior() override
    {
        return {[this](go_atom) { next(); }};
    }

private:
    void next()
    {
        if (left_ == 0) {
            quit();
            finish();
            return;
        }
        left_--;
        spawn<mayfly, caf::monitored>();
    }

    uint64_t left_;
};

double spawnwait(actor_system &system, uint64_t count)
{
    counted = 0;
    actor parent = system.spawn<waiter>(count);
    double speed = rate(count, 1, [&] { caf::anon_send(parent, go_atom::value); });
    check("exits", counted, count);
    return speed;
}

// ---- tree: ten children each ----

class branch : public event_based_actor {
public:
    branch(actor_config &config, actor parent, uint64_t first, uint64_t leaves)
        : event_based_actor(config), parent_(std::move(parent)), first_(first), leaves_(leaves)
    {
    }

    behavior make_behavior() override
    {
        if (leaves_ == 1) {
            answer(first_);
            return {};
        }
        for (uint64_t i = 0; i < 10; i++) {
            spawn<branch>(caf::actor_cast<actor>(this), first_ + i * (leaves_ / 10), leaves_ / 10);
        }
        return {[this](uint64_t number) {
            sum_ += number;
            if (--waiting_ == 0) {
                answer(sum_);
            }
        }};
    }

private:
    void answer(uint64_t number)
    {
        if (parent_) {
            send(parent_, number);
        } else {
            counted = number;
            finish();
        }
        parent_ = nullptr;
        quit();
    }

    actor parent_;
    uint64_t first_;
    uint64_t leaves_;
    uint64_t sum_ = 0;
    int waiting_ = 10;
};

double tree(actor_system &system, uint64_t leaves)
{
    double speed = rate(leaves, 1, [&] { system.spawn<branch>(actor{}, uint64_t{0}, leaves); });
    check("sum", counted, leaves * (leaves - 1) / 2);
    return speed;
}

// ---- call and latency: request and its answer ----

class server : public event_based_actor {
public:
    explicit server(actor_config &config) : event_based_actor(config) {}

    behavior make_behavior() override
    {
        return {[](uint64_t number) { return number + 1; }, [this](stop_atom) { quit(); }};
    }
};

class caller : public event_based_actor {
public:
    caller(actor_config &config, actor to, uint64_t count, std::vector<double> *took)
        : event_based_actor(config), to_(std::move(to)), left_(count), took_(took)
    {
    }

    behavior make_behavior() override
    {
        return {[this](go_atom) { next(); }};
    }

private:
    void next()
    {
        auto number = left_;
        clock_type::time_point began;
        if (left_ == 0) {
            send(to_, stop_atom::value);
            quit();
            finish();
            return;
        }
        left_--;
        if (took_ != nullptr) {
            began = clock_type::now();
        }
        request(to_, caf::infinite, number).then([this, number, began](uint64_t answer) {
            counted += answer - number;
            if (took_ != nullptr) {
                took_->push_back(
                    std::chrono::duration<double, std::micro>(clock_type::now() - began).count());
            }
            next();
        });
    }

    actor to_;
    uint64_t left_;
    std::vector<double> *took_;
};

double call(actor_system &system, uint64_t count, std::vector<double> *took)
{
    counted = 0;
    actor client = system.spawn<caller>(system.spawn<server>(), count, took);
    double speed = rate(count, 1, [&] { caf::anon_send(client, go_atom::value); });
    check("answers", counted, count);
    return speed;
}

void latency(actor_system &system, size_t count)
{
    for (int round = 0; round < 2; round++) {
        std::vector<double> took;
        took.reserve(count);
        call(system, count, &took);
        std::sort(took.begin(), took.end());
        if (round == 1) {
            report("latency", took[count / 2]);
            report("latency_p99", took[count * 99 / 100]);
            report("latency_p999", took[count * 999 / 1000]);
        }
    }
}

// ---- bytes ----

double resident()
{
    std::ifstream file("/proc/self/statm");
    double all = 0;
    double pages = 0;
    file >> all >> pages;
    return pages * static_cast<double>(sysconf(_SC_PAGESIZE));
}

class idler : public event_based_actor {
public:
    explicit idler(actor_config &config) : event_based_actor(config) {}

    behavior make_behavior() override
    {
        finish();
        return {[this](stop_atom) {
            quit();
            finish();
        }};
    }
};

void bytes(actor_system &system, size_t count)
{
    std::vector<actor> actors(count);
    double before = resident();
    expect(static_cast<int>(count));
    for (auto &a : actors) {
        a = system.spawn<idler>();
    }
    await();
    report("bytes", (resident() - before) / static_cast<double>(count));
    stop_all(actors);
}

// ---- timers: due at random within a second ----

double cpu()
{
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    return static_cast<double>(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           static_cast<double>(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

class alarms : public event_based_actor {
public:
    alarms(actor_config &config, std::string row, size_t count)
        : event_based_actor(config), row_(std::move(row)), count_(count)
    {
    }

    behavior make_behavior() override
    {
        return {[this](go_atom) { set(); },
                [this](int64_t due) {
                    late_.push_back(static_cast<double>(now() - due) / 1000);
                    if (late_.size() == count_) {
                        tell();
                    }
                }};
    }

private:
    static int64_t now()
    {
        return clock_type::now().time_since_epoch() / std::chrono::nanoseconds(1);
    }

    void set()
    {
        std::mt19937_64 random(1);
        start_ = cpu();
        for (size_t i = 0; i < count_; i++) {
            auto delay = static_cast<int64_t>(random() % 1000000000);
            delayed_send(this, std::chrono::nanoseconds(delay), now() + delay);
        }
        set_ = cpu();
    }

    void tell()
    {
        double all = cpu();
        std::sort(late_.begin(), late_.end());
        check("early timers", late_[0] < 0, 0);
        report(row_, all - start_);
        report(row_ + "_set", set_ - start_);
        report(row_ + "_late_p50", late_[count_ / 2]);
        report(row_ + "_late_p99", late_[count_ * 99 / 100]);
        quit();
        finish();
    }

    std::string row_;
    size_t count_;
    double start_ = 0;
    double set_ = 0;
    std::vector<double> late_;
};

void timers(actor_system &system, const std::string &row, size_t count)
{
    expect(1);
    caf::anon_send(system.spawn<alarms>(row, count), go_atom::value);
    await();
}

// ---- actors that compute, a slice of so many microseconds, and send themselves the next ----

uint64_t burn(uint64_t rounds, uint64_t seed)
{
    for (uint64_t i = 0; i < rounds; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
    }
    return seed;
}

uint64_t rounds_per_us()
{
    const uint64_t rounds = 1000000;
    auto best = std::chrono::nanoseconds::max();
    uint64_t seed = 1;
    for (int i = 0; i < 20; i++) {
        auto began = clock_type::now();
        seed = burn(rounds, seed);
        best = std::min(best, std::chrono::nanoseconds(clock_type::now() - began));
    }
    return rounds * 1000 / static_cast<uint64_t>(best.count() + (seed == 0));
}

class labourer : public event_based_actor {
public:
    labourer(actor_config &config, uint64_t rounds, uint64_t steps)
        : event_based_actor(config), rounds_(rounds), left_(steps)
    {
    }

    behavior make_behavior() override
    {
        return {[this](go_atom) {
                    seed_ = burn(rounds_, seed_);
                    if (--left_ > 0) {
                        send(this, go_atom::value);
                        return;
                    }
                    counted += seed_ & 1;
                    quit();
                    finish();
                },
                [this](stop_atom) {
                    counted += seed_ & 1;
                    quit();
                    finish();
                }};
    }

private:
    uint64_t rounds_;
    uint64_t left_;
    uint64_t seed_ = 1;
};

double independent(actor_system &system, size_t processes, uint64_t steps, uint64_t us)
{
    std::vector<actor> actors;
    uint64_t rounds = rounds_per_us() * us;
    for (size_t i = 0; i < processes; i++) {
        actors.push_back(system.spawn<labourer>(rounds, steps));
    }
    return rate(processes * steps, static_cast<int>(processes), [&] {
        for (auto &a : actors) {
            caf::anon_send(a, go_atom::value);
        }
    });
}

// A request every 2 ms, stamped when it is sent.
class asker : public event_based_actor {
public:
    asker(actor_config &config, actor to, std::vector<double> &took)
        : event_based_actor(config), to_(std::move(to)), took_(took)
    {
    }

    behavior make_behavior() override
    {
        return {[this](go_atom) {
            auto began = clock_type::now();
            due_ = due_ == clock_type::time_point() ? began : due_;
            due_ += std::chrono::milliseconds(2);
            if (++sent_ < took_.capacity()) {
                delayed_send(this, std::max(due_ - began, clock_type::duration::zero()), go_atom::value);
            }
            request(to_, caf::infinite, sent_).then([this, began](uint64_t) {
                took_.push_back(
                    std::chrono::duration<double, std::micro>(clock_type::now() - began).count());
                if (took_.size() == took_.capacity()) {
                    send(to_, stop_atom::value);
                    quit();
                    finish();
                }
            });
        }};
    }

private:
    actor to_;
    std::vector<double> &took_;
    clock_type::time_point due_;
    uint64_t sent_ = 0;
};

// 500 requests a second beside 1,000 actors in steps of 20 us.
void latency_busy(actor_system &system, const std::string &row)
{
    std::vector<actor> busy;
    std::vector<double> took;
    uint64_t rounds = rounds_per_us() * 20;
    took.reserve(1000);
    for (int i = 0; i < 1000; i++) {
        busy.push_back(system.spawn<labourer>(rounds, UINT64_MAX));
        caf::anon_send(busy.back(), go_atom::value);
    }
    expect(1);
    caf::anon_send(system.spawn<asker>(system.spawn<server>(), std::ref(took)), go_atom::value);
    await();
    stop_all(busy);
    std::sort(took.begin(), took.end());
    report(row, took[took.size() / 2]);
    report(row + "_p99", took[took.size() * 99 / 100]);
    report(row + "_p999", took[took.size() * 999 / 1000]);
}

void second(const std::string &row, const std::function<double()> &measure)
{
    measure();
    report(row, measure());
}

bool run(actor_system &system, const std::string &row)
{
    if (row == "pingpong") {
        second(row, [&] { return ring(system, 2, 1, 1500000); });
    } else if (row == "ring1") {
        second(row, [&] { return ring(system, 1000, 1, 1500000); });
    } else if (row == "ring100") {
        second(row, [&] { return ring(system, 1000, 100, 3000000); });
    } else if (row == "fanin") {
        second(row, [&] { return fanin(system, 4, 300000); });
    } else if (row == "random") {
        second(row, [&] { return random_pairs(system, 200, 8000); });
    } else if (row == "spawn") {
        second(row, [&] { return nurse(system, 150000); });
    } else if (row == "spawnwait") {
        second(row, [&] { return spawnwait(system, 200000); });
    } else if (row == "tree") {
        second(row, [&] { return tree(system, 1000000); });
    } else if (row == "call") {
        second(row, [&] { return call(system, 400000, nullptr); });
    } else if (row == "bytes") {
        bytes(system, 1000000);
    } else if (row == "timers") {
        timers(system, row, 200000);
    } else if (row == "timers_1m") {
        timers(system, row, 1000000);
    } else if (row == "independent") {
        second(row, [&] { return independent(system, 200, 50, 20); });
    } else if (row == "latency_busy") {
        latency_busy(system, row);
    } else if (row == "latency") {
        latency(system, 100000);
    } else {
        return false;
    }
    return true;
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: peer ROW WORKERS\n");
        return 2;
    }
    caf::actor_system_config config;
    config.set("scheduler.max-threads", static_cast<size_t>(atoi(argv[2])));
    config.set("scheduler.policy", caf::atom("stealing"));
    if (strcmp(argv[1], "latency_busy") == 0) {
        // Without it an actor that sends itself a message keeps its thread for ever.
        config.set("scheduler.max-throughput", static_cast<size_t>(1));
    }
    actor_system system(config);
    if (!run(system, argv[1])) {
        fprintf(stderr, "no such row: %s\n", argv[1]);
        return 2;
    }
    return 0;
}
