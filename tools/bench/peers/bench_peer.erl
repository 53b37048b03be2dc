%% The rows of tools/bench/main.c in Erlang. erl ... -run bench_peer main ROW prints "ROW VALUE"; the second round counts.
%% Messages are immediates wherever that is enough, funs are spawned without options (the default heap is the
%% smallest), the scheduler keeps its own settings but for the number of threads.
-module(bench_peer).
-export([main/1]).

main([Row]) ->
    Values = rounds(list_to_atom(Row)),
    [io:format("~s ~w~n", [Name, Value]) || {Name, Value} <- Values],
    halt().

%% Memory and timers are measured in a fresh system; two seconds beside busy processes are one round.
rounds(Row) when Row =:= bytes; Row =:= timers; Row =:= timers_1m -> row(Row);
rounds(Row) when Row =:= latency_busy; Row =:= latency_busy_high -> row(Row);
rounds(Row) -> row(Row), row(Row).

row(pingpong) -> [{pingpong, ring(2, 1, 2000000)}];
row(ring1) -> [{ring1, ring(1000, 1, 2000000)}];
row(ring100) -> [{ring100, ring(1000, 100, 4000000)}];
row(fanin) -> [{fanin, fanin(4, 400000)}];
row(random) -> [{random, random(200, 10000)}];
row(spawn) -> [{spawn, nursery(200000)}];
row(spawnwait) -> [{spawnwait, spawnwait(200000)}];
row(tree) -> [{tree, tree(1000000)}];
row(call) -> [{call, call(500000)}];
row(bytes) -> [{bytes, bytes(1000000, fun idle/0)},
               {bytes_hibernated, bytes(1000000, fun sleeping/0)}];
row(timers) -> timers(timers, 200000);
row(timers_1m) -> timers(timers_1m, 1000000);
row(latency) -> latency(100000);
row(independent) -> [{independent, independent(200, 50, 20)}];
row(latency_busy) -> latency_busy("latency_busy", normal);
row(latency_busy_high) -> latency_busy("latency_busy_high", high).

%% Things in a second.
rate(Count, Fun) ->
    Start = erlang:monotonic_time(nanosecond),
    Fun(),
    Count / ((erlang:monotonic_time(nanosecond) - Start) / 1.0e9).

%% ---- ring: pass a countdown on ----

ring(Processes, Tokens, Hops) ->
    Root = self(),
    First = spawn(fun() -> receive Next -> pass(Next, Root, 0) end end),
    Last = lists:foldl(fun(_, Next) -> spawn(fun() -> pass(Next, Root, 0) end) end, First,
                       lists:seq(2, Processes)),
    First ! Last,
    All = walk(First, Last, Processes),
    Step = Processes div Tokens,
    Starts = [lists:nth(I * Step + 1, All) || I <- lists:seq(0, Tokens - 1)],
    Rate = rate(Hops, fun() ->
        [P ! Hops div Tokens - 1 || P <- Starts],
        [receive done -> ok end || _ <- Starts]
    end),
    [P ! {stop, Root} || P <- All],
    Hops = lists:sum([receive {count, N} -> N end || _ <- All]),
    Rate.

%% The processes of the ring in the order in which a token comes by.
walk(_, _, 0) -> [];
walk(First, At, Left) ->
    At ! {who, self()},
    receive {next, Next} -> [At | walk(First, Next, Left - 1)] end.

pass(Next, Root, Count) ->
    receive
        0 -> Root ! done, pass(Next, Root, Count + 1);
        N when is_integer(N) -> Next ! N - 1, pass(Next, Root, Count + 1);
        {who, From} -> From ! {next, Next}, pass(Next, Root, Count);
        {stop, From} -> From ! {count, Count}
    end.

%% ---- fan-in: windows of 100, the last message of each asks for an answer ----

fanin(Senders, Each) ->
    Root = self(),
    Sink = spawn(fun() -> sink(Senders * Each, Root) end),
    rate(Senders * Each, fun() ->
        [spawn(fun() -> sender(Sink, Each, 100) end) || _ <- lists:seq(1, Senders)],
        receive done -> ok end
    end).

sender(_, 0, _) -> ok;
sender(Sink, Left, 1) -> Sink ! self(), receive go -> sender(Sink, Left - 1, 100) end;
sender(Sink, Left, Window) -> Sink ! Left, sender(Sink, Left - 1, Window - 1).

sink(0, Root) -> Root ! done;
sink(Left, Root) ->
    receive
        N when is_integer(N) -> sink(Left - 1, Root);
        Pid -> Pid ! go, sink(Left - 1, Root)
    end.

%% ---- random pairs ----

random(Processes, Each) ->
    Root = self(),
    Pids = [spawn(fun() -> receive {all, All} -> wander(All, I, Root, 0) end end)
            || I <- lists:seq(1, Processes)],
    All = list_to_tuple(Pids),
    [P ! {all, All} || P <- Pids],
    Rate = rate(Processes * Each, fun() ->
        [P ! Each - 1 || P <- Pids],
        [receive done -> ok end || _ <- Pids]
    end),
    [P ! stop || P <- Pids],
    Hops = Processes * Each,
    Hops = lists:sum([receive {count, N} -> N end || _ <- Pids]),
    Rate.

wander(All, Seed, Root, Count) ->
    receive
        0 -> Root ! done, wander(All, Seed, Root, Count + 1);
        N when is_integer(N) ->
            Next = (Seed * 1664525 + 1013904223) band 16#ffffffff, % stays a small integer
            element((Next bsr 8) rem tuple_size(All) + 1, All) ! N - 1,
            wander(All, Next, Root, Count + 1);
        stop -> Root ! {count, Count}
    end.

%% ---- spawn: one message there, one back, exit; 100 alive ----

nursery(Count) ->
    rate(Count, fun() ->
        [bear() || _ <- lists:seq(1, 100)],
        nurse(Count - 100),
        [receive bye -> ok end || _ <- lists:seq(1, 100)]
    end).

nurse(0) -> ok;
nurse(Left) -> receive bye -> bear(), nurse(Left - 1) end.

bear() -> spawn(fun child/0) ! self().

child() -> receive Parent -> Parent ! bye end.

%% ---- spawnwait ----

spawnwait(Count) -> rate(Count, fun() -> wait(Count) end).

wait(0) -> ok;
wait(Left) ->
    {_, Ref} = spawn_monitor(fun() -> ok end),
    receive {'DOWN', Ref, process, _, normal} -> wait(Left - 1) end.

%% ---- tree: ten children each ----

tree(Leaves) ->
    Root = self(),
    Sum = Leaves * (Leaves - 1) div 2,
    rate(Leaves, fun() ->
        spawn(fun() -> branch(Root, 0, Leaves) end),
        receive Sum -> ok end
    end).

branch(Parent, First, 1) -> Parent ! First;
branch(Parent, First, Leaves) ->
    Self = self(),
    Each = Leaves div 10,
    [spawn(fun() -> branch(Self, First + I * Each, Each) end) || I <- lists:seq(0, 9)],
    Parent ! add(10, 0).

add(0, Sum) -> Sum;
add(Left, Sum) -> receive N -> add(Left - 1, Sum + N) end.

%% ---- call: a reference made here marks the place in the mailbox, so the receive looks at one message ----

call(Count) ->
    Server = spawn(fun server/0),
    Rate = rate(Count, fun() -> Count = calls(Server, Count, 0) end),
    Server ! stop,
    Rate.

calls(_, 0, Sum) -> Sum;
calls(Server, Left, Sum) ->
    Ref = make_ref(),
    Server ! {self(), Ref, Left},
    receive {Ref, Answer} -> calls(Server, Left - 1, Sum + Answer - Left) end.

server() ->
    receive
        {From, Ref, N} -> From ! {Ref, N + 1}, server();
        stop -> ok
    end.

%% ---- bytes ----

bytes(Count, Fun) ->
    Before = resident(),
    Pids = [spawn(Fun) || _ <- lists:seq(1, Count)],
    timer:sleep(500),
    Count = length([P || P <- Pids, is_process_alive(P)]),
    After = resident(),
    [exit(P, kill) || P <- Pids],
    timer:sleep(500),
    (After - Before) / Count.

idle() -> receive _ -> idle() end.

sleeping() -> erlang:hibernate(?MODULE, main, [[]]).

resident() ->
    {ok, Text} = file:read_file("/proc/self/statm"),
    [_, Pages | _] = binary:split(Text, <<" ">>, [global]),
    binary_to_integer(Pages) * 4096.

%% ---- timers: due at random within a second; milliseconds are what there is ----

timers(Row, Count) ->
    {Cpu0, _} = statistics(runtime),
    _ = rand:seed(exsss, 1),
    set(Count),
    {Cpu1, _} = statistics(runtime),
    Late = lists:sort([receive {due, Due} -> now_us() - Due end || _ <- lists:seq(1, Count)]),
    {Cpu2, _} = statistics(runtime),
    true = hd(Late) >= 0,
    [{Row, (Cpu2 - Cpu0) / 1000}, {name(Row, "_set"), (Cpu1 - Cpu0) / 1000},
     {name(Row, "_late_p50"), lists:nth(Count div 2, Late)},
     {name(Row, "_late_p99"), lists:nth(Count * 99 div 100, Late)}].

name(Row, Suffix) -> atom_to_list(Row) ++ Suffix.

set(0) -> ok;
set(Left) ->
    Delay = rand:uniform(1000),
    erlang:send_after(Delay, self(), {due, now_us() + Delay * 1000}),
    set(Left - 1).

now_us() -> erlang:monotonic_time(microsecond).

%% ---- latency ----

latency(Count) ->
    Server = spawn(fun server/0),
    Took = lists:sort(requests(Server, Count)),
    Server ! stop,
    [{latency, lists:nth(Count div 2, Took) / 1000}, {latency_p99, lists:nth(Count * 99 div 100, Took) / 1000},
     {latency_p999, lists:nth(Count * 999 div 1000, Took) / 1000}].

requests(_, 0) -> [];
requests(Server, Left) ->
    Start = erlang:monotonic_time(nanosecond),
    Ref = make_ref(),
    Server ! {self(), Ref, Left},
    receive {Ref, _} -> ok end,
    [erlang:monotonic_time(nanosecond) - Start | requests(Server, Left - 1)].

%% ---- processes that compute, a slice of so many microseconds at a time ----

burn(0, Seed) -> Seed;
burn(Rounds, Seed) -> burn(Rounds - 1, (Seed * 1664525 + 1013904223) band 16#ffffffff).

rounds_per_us() ->
    Rounds = 200000,
    Took = lists:min([begin
        Start = erlang:monotonic_time(nanosecond),
        _ = burn(Rounds, 1),
        erlang:monotonic_time(nanosecond) - Start
    end || _ <- lists:seq(1, 20)]),
    Rounds * 1000 div Took.

independent(Processes, Steps, Us) ->
    Root = self(),
    Rounds = rounds_per_us() * Us,
    rate(Processes * Steps, fun() ->
        [spawn(fun() -> labour(Steps, Rounds, 1), Root ! done end) || _ <- lists:seq(1, Processes)],
        [receive done -> ok end || _ <- lists:seq(1, Processes)]
    end).

labour(0, _, Seed) -> Seed;
labour(Steps, Rounds, Seed) ->
    Next = burn(Rounds, Seed),
    erlang:yield(),
    labour(Steps - 1, Rounds, Next).

%% ---- 500 requests a second beside 1,000 processes in steps of 20 us ----

latency_busy(Row, Priority) ->
    Rounds = rounds_per_us() * 20,
    Busy = [spawn(fun() -> labour(-1, Rounds, I) end) || I <- lists:seq(1, 1000)],
    Server = spawn_opt(fun server/0, [{priority, Priority}]),
    Root = self(),
    spawn_opt(fun() ->
        Root ! {took, asked(Server, erlang:monotonic_time(millisecond), 1000)}
    end, [{priority, Priority}]),
    Took = lists:sort(receive {took, List} -> List end),
    [exit(P, kill) || P <- Busy],
    Server ! stop,
    [{Row, lists:nth(500, Took) / 1000}, {Row ++ "_p99", lists:nth(990, Took) / 1000},
     {Row ++ "_p999", lists:nth(999, Took) / 1000}].

asked(_, _, 0) -> [];
asked(Server, Due, Left) ->
    erlang:send_after(Due, self(), due, [{abs, true}]),
    receive due -> ok end,
    requests(Server, 1) ++ asked(Server, Due + 2, Left - 1).
