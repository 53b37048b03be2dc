/* Lua processes in a C++ program: a function of the program as a Lua module, a supervisor in Lua whose
   worker crashes and is started again, and a reply that comes back as C++ values.

       c++ -std=c++17 embed.cpp -llua5.4 -lpthread -lm
       (wippy.h, wippy_lua.h, stb_ds.h and the Lua headers on the include path) */
#define WIPPY_IMPLEMENTATION
#define WIPPY_LUA_IMPLEMENTATION
#include "wippy_lua.h"

#include <condition_variable>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>

extern "C" {
#include <lauxlib.h>
#include <lua.h>
}

namespace
{

/* ---------------------------------------------------------------- what the program offers to Lua */

/* Any worker may call it: guarded, as everything that processes share outside the runtime. */
class prices
{
  public:
    void set(const std::string &name, double value)
    {
        std::lock_guard<std::mutex> hold(lock_);
        values_[name] = value;
    }
    double get(const std::string &name)
    {
        std::lock_guard<std::mutex> hold(lock_);
        auto found = values_.find(name);
        return found != values_.end() ? found->second : -1;
    }

  private:
    std::mutex lock_;
    std::map<std::string, double> values_;
};

/* shop.price(name): number, or nil when there is none. Nothing with a destructor may be alive when a
   Lua error is raised, so arguments are checked first. */
int shop_price(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    auto *shop = static_cast<prices *>(wippy_lua_user_data(L, "shop"));
    double price = shop->get(name);
    if (price < 0) {
        return 0;
    }
    lua_pushnumber(L, price);
    return 1;
}

const wippy_lua_function shop_functions[] = {{"price", shop_price}};

/* ---------------------------------------------------------------- what runs in Lua */

const char registry[] = R"yaml(
namespace: app
entries:
  - name: total
    kind: process.lua
    modules: [shop]
    source: |
      -- Adds up an order. An unknown article is a crash: let it, somebody watches.
      local function main(order)
          local sum = 0
          for _, name in ipairs(order) do
              sum = sum + assert(shop.price(name), "no price for " .. name)
          end
          return sum
      end
      return { main = main }

  - name: clerk
    kind: process.lua
    source: |
      -- Tries an order; when its worker crashes, tries again without the article it died of.
      local function main(host, order)
          local events = process.events()
          local left_out = {}
          while true do
              process.spawn_monitored("app:total", host, order)
              local event = events:receive()
              if event.kind == process.event.CANCEL then return end
              local failure = event.result.error
              if not failure then
                  return { sum = event.result.value, left_out = left_out }
              end
              local missing = tostring(failure):match("no price for (%w+)")
              if not missing then error(failure) end
              left_out[#left_out + 1] = missing
              for i = #order, 1, -1 do
                  if order[i] == missing then table.remove(order, i) end
              end
          end
      end
      return { main = main }
)yaml";

/* ---------------------------------------------------------------- the runtime as an object */

void check(wippy_result result, const char *what, const wippy_diag *diag = nullptr)
{
    if (result != WIPPY_OK) {
        std::string text = std::string(what) + ": " + wippy_result_text(result);
        if (diag != nullptr && diag->message[0] != 0) {
            text += ": " + std::string(diag->message);
        }
        throw std::runtime_error(text);
    }
}

struct destroy_runtime {
    void operator()(wippy_runtime *rt) const { wippy_destroy(rt); }
};
using runtime = std::unique_ptr<wippy_runtime, destroy_runtime>;

/* The end of one process, waited for by main(). */
class ending
{
  public:
    static void told(wippy_runtime *, const wippy_exit_info *info, void *user_data)
    {
        auto *self = static_cast<ending *>(user_data);
        std::lock_guard<std::mutex> hold(self->lock_);
        self->seen_[info->pid.id] = {
            info->result, std::string(info->value.data != nullptr ? info->value.data : "",
                                      info->value.data != nullptr ? info->value.size : 0)};
        self->changed_.notify_all();
    }
    std::string wait(wippy_pid pid)
    {
        std::unique_lock<std::mutex> hold(lock_);
        changed_.wait(hold, [&] { return seen_.count(pid.id) != 0; });
        const end &found = seen_[pid.id];
        if (found.result != WIPPY_OK) {
            throw std::runtime_error(wippy_result_text(found.result));
        }
        return found.value;
    }

  private:
    struct end {
        wippy_result result;
        std::string value; /* encoded */
    };
    std::mutex lock_;
    std::condition_variable changed_;
    std::map<uint64_t, end> seen_;
};

wippy_host make_host(wippy_runtime *rt, ending &ended)
{
    wippy_host host;
    wippy_host_desc desc = {};
    desc.name = "app:workers";
    desc.exit_fn = ending::told;
    desc.user_data = &ended;
    check(wippy_host_create(rt, desc, &host), "host");
    return host;
}

void open_lua(wippy_runtime *rt, prices &shop)
{
    check(wippy_lua_open(rt, nullptr), "Lua");
    wippy_lua_module_desc module = {};
    module.name = "shop";
    module.functions = shop_functions;
    module.function_count = 1;
    module.user_data = &shop;
    check(wippy_lua_module(rt, module), "module shop");
    wippy_diag diag = {};
    check(wippy_load_text(rt, "embed.cpp", registry, sizeof registry - 1, &diag), "registry",
          &diag);
}

wippy_pid spawn_clerk(wippy_runtime *rt, wippy_host host)
{
    wippy_writer input;
    wippy_slice encoded = {};
    wippy_writer_init(&input, rt);
    wippy_write_cstring(&input, "app:workers");
    wippy_write_array(&input, 4);
    for (const char *article : {"bread", "unicorn", "milk", "dragon"}) {
        wippy_write_cstring(&input, article);
    }
    wippy_write_end(&input);
    wippy_result result = wippy_writer_finish(&input, &encoded);

    wippy_spawn_desc desc = {};
    desc.entry = "app:clerk";
    desc.host = host;
    desc.data = encoded.data;
    desc.size = encoded.size;
    desc.count = 2;
    wippy_pid pid = {};
    wippy_diag diag = {};
    if (result == WIPPY_OK) {
        result = wippy_spawn(wippy_outside(rt), &desc, &pid, &diag);
    }
    wippy_writer_free(&input);
    check(result, "spawn", &diag);
    return pid;
}

void print_bill(const std::string &encoded)
{
    wippy_slice bill = {encoded.data(), encoded.size()};
    wippy_slice left_out = {};
    std::printf("sum: %.2f\n", wippy_value_float(bill, "sum", -1));
    if (wippy_value_get(bill, "left_out", &left_out) == WIPPY_OK) {
        wippy_value_iter it;
        for (wippy_value_each(left_out, &it); wippy_value_next(&it);) {
            wippy_slice name = wippy_value_string(it.value, "", "?");
            std::printf("left out: %.*s\n", static_cast<int>(name.size), name.data);
        }
    }
}

} // namespace

int main()
{
    try {
        prices shop;
        ending ended;
        shop.set("bread", 3.20);
        shop.set("milk", 1.10);

        wippy_runtime *made = nullptr;
        check(wippy_create(&made, nullptr), "runtime");
        runtime rt(made); /* declared last: ends before what its processes use */
        open_lua(rt.get(), shop);
        wippy_host host = make_host(rt.get(), ended);
        print_bill(ended.wait(spawn_clerk(rt.get(), host)));
        return 0;
    } catch (const std::exception &failure) {
        std::fprintf(stderr, "%s\n", failure.what());
        return 1;
    }
}
