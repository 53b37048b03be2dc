// The rows of tools/bench/main.c in Go. `peer ROW` prints "row value"; GOMAXPROCS says how many threads; the second
// round counts. A goroutine with a channel stands for a process with its mailbox. Channels are unbuffered where
// one side waits for the other anyway (the runtime then hands the value over directly) and buffered where
// several senders feed one receiver.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

type result struct {
	row   string
	value float64
}

func check(what string, found, expected int) {
	if found != expected {
		fmt.Fprintf(os.Stderr, "%s: %d, expected %d\n", what, found, expected)
		os.Exit(1)
	}
}

// Things in a second.
func rate(count int, work func()) float64 {
	start := time.Now()
	work()
	return float64(count) / time.Since(start).Seconds()
}

// ---- rings: pass a countdown on ----

func ring(processes, tokens, hops int) float64 {
	channels := make([]chan int, processes)
	for i := range channels {
		if tokens > 1 {
			channels[i] = make(chan int, tokens)
		} else {
			channels[i] = make(chan int)
		}
	}
	done := make(chan bool)
	counts := make([]int, processes)
	var ended sync.WaitGroup
	ended.Add(processes)
	for i := range channels {
		go func(i int, in <-chan int, next chan<- int) {
			seen := 0
			for left := range in {
				seen++
				if left == 0 {
					done <- true
				} else {
					next <- left - 1
				}
			}
			counts[i] = seen
			ended.Done()
		}(i, channels[i], channels[(i+1)%processes])
	}
	speed := rate(hops, func() {
		for i := 0; i < tokens; i++ {
			channels[i*processes/tokens] <- hops/tokens - 1
		}
		for i := 0; i < tokens; i++ {
			<-done
		}
	})
	for _, c := range channels {
		close(c)
	}
	ended.Wait()
	all := 0
	for _, n := range counts {
		all += n
	}
	check("hops", all, hops)
	return speed
}

// ---- fan-in: a buffer of 100 a sender keeps the senders in step ----

func fanin(senders, each int) float64 {
	sink := make(chan int, 100*senders)
	sum := 0
	speed := rate(senders*each, func() {
		for i := 0; i < senders; i++ {
			go func() {
				for n := 0; n < each; n++ {
					sink <- n
				}
			}()
		}
		for i := 0; i < senders*each; i++ {
			sum += <-sink
		}
	})
	check("sum", sum, senders*each*(each-1)/2)
	return speed
}

// ---- random pairs ----

func random(processes, each int) float64 {
	channels := make([]chan int, processes)
	for i := range channels {
		channels[i] = make(chan int, processes) // room for all messages there are: nobody ever waits to send
	}
	done := make(chan bool, processes)
	counts := make([]int, processes)
	var ended sync.WaitGroup
	ended.Add(processes)
	for i := range channels {
		go func(i int) {
			state := uint64(i + 1)
			seen := 0
			for left := range channels[i] {
				seen++
				if left == 0 {
					done <- true
					continue
				}
				state = state*6364136223846793005 + 1442695040888963407
				channels[(state>>33)%uint64(processes)] <- left - 1
			}
			counts[i] = seen
			ended.Done()
		}(i)
	}
	speed := rate(processes*each, func() {
		for _, c := range channels {
			c <- each - 1
		}
		for range channels {
			<-done
		}
	})
	for _, c := range channels {
		close(c)
	}
	ended.Wait()
	all := 0
	for _, n := range counts {
		all += n
	}
	check("hops", all, processes*each)
	return speed
}

// ---- spawn: one message there, one back, exit; 100 alive ----

func nursery(count int) float64 {
	const alive = 100
	heard := 0
	speed := rate(count, func() {
		farewell := make(chan int, alive)
		bear := func() {
			mailbox := make(chan int, 1)
			go func() {
				farewell <- <-mailbox
			}()
			mailbox <- 1
		}
		for i := 0; i < alive; i++ {
			bear()
		}
		for i := alive; i < count; i++ {
			heard += <-farewell
			bear()
		}
		for i := 0; i < alive; i++ {
			heard += <-farewell
		}
	})
	check("children", heard, count)
	return speed
}

func spawnwait(count int) float64 {
	ended := 0
	speed := rate(count, func() {
		exit := make(chan int)
		for i := 0; i < count; i++ {
			go func() { exit <- 1 }()
			ended += <-exit
		}
	})
	check("exits", ended, count)
	return speed
}

// ---- tree: ten children each ----

func branch(parent chan<- int, first, leaves int) {
	if leaves == 1 {
		parent <- first
		return
	}
	in := make(chan int, 10)
	each := leaves / 10
	for i := 0; i < 10; i++ {
		go branch(in, first+i*each, each)
	}
	sum := 0
	for i := 0; i < 10; i++ {
		sum += <-in
	}
	parent <- sum
}

func tree(leaves int) float64 {
	sum := 0
	speed := rate(leaves, func() {
		root := make(chan int)
		go branch(root, 0, leaves)
		sum = <-root
	})
	check("sum", sum, leaves*(leaves-1)/2)
	return speed
}

// ---- call: the request carries the channel of the answer, which is used again ----

type request struct {
	number int
	answer chan<- int
}

func server() chan<- request {
	requests := make(chan request)
	go func() {
		for r := range requests {
			r.answer <- r.number + 1
		}
	}()
	return requests
}

func call(count int) float64 {
	requests := server()
	defer close(requests)
	sum := 0
	speed := rate(count, func() {
		answer := make(chan int)
		for i := 0; i < count; i++ {
			requests <- request{i, answer}
			sum += <-answer - i
		}
	})
	check("answers", sum, count)
	return speed
}

func latency(count int) []result {
	requests := server()
	defer close(requests)
	answer := make(chan int)
	took := make([]float64, count)
	for i := range took {
		start := time.Now()
		requests <- request{i, answer}
		<-answer
		took[i] = float64(time.Since(start).Nanoseconds()) / 1000
	}
	sort.Float64s(took)
	return []result{{"latency", took[count/2]}, {"latency_p99", took[count*99/100]},
		{"latency_p999", took[count*999/1000]}}
}

// ---- bytes ----

func resident() float64 {
	text, _ := os.ReadFile("/proc/self/statm")
	pages, _ := strconv.Atoi(strings.Fields(string(text))[1])
	return float64(pages * os.Getpagesize())
}

func bytes(count int) float64 {
	runtime.GC()
	before := resident()
	var started sync.WaitGroup
	started.Add(count)
	mailboxes := make([]chan int, count)
	for i := range mailboxes {
		mailboxes[i] = make(chan int)
		go func(in <-chan int) {
			started.Done()
			for range in {
			}
		}(mailboxes[i])
	}
	started.Wait()
	debug.FreeOSMemory()
	each := (resident() - before) / float64(count)
	check("goroutines", runtime.NumGoroutine(), count+1)
	return each
}

// ---- timers: due at random within a second, each sends a message ----

func cpu() float64 {
	var use syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &use)
	return float64(use.Utime.Nano()+use.Stime.Nano()) / 1e9
}

func timers(row string, count int) []result {
	fired := make(chan time.Time, count)
	late := make([]float64, 0, count)
	start := cpu()
	state := uint64(1)
	for i := 0; i < count; i++ {
		state = state*6364136223846793005 + 1442695040888963407
		delay := time.Duration((state >> 33) % 1000000000)
		due := time.Now().Add(delay)
		time.AfterFunc(delay, func() { fired <- due })
	}
	set := cpu()
	for i := 0; i < count; i++ {
		due := <-fired
		late = append(late, float64(time.Since(due).Nanoseconds())/1000)
	}
	all := cpu()
	sort.Float64s(late)
	if late[0] < 0 {
		check("early", 1, 0)
	}
	return []result{{row, all - start}, {row + "_set", set - start},
		{row + "_late_p50", late[count/2]}, {row + "_late_p99", late[count*99/100]}}
}

// ---- goroutines that compute, a slice of so many microseconds, and give way by hand ----

func burn(rounds int, seed uint64) uint64 {
	for i := 0; i < rounds; i++ {
		seed = seed*6364136223846793005 + 1442695040888963407
	}
	return seed
}

func roundsPerMicrosecond() int {
	const rounds = 1000000
	best := time.Hour
	seed := uint64(1)
	for i := 0; i < 20; i++ {
		start := time.Now()
		seed = burn(rounds, seed)
		if took := time.Since(start); took < best && seed != 0 {
			best = took
		}
	}
	return int(rounds * time.Microsecond / best)
}

func independent(processes, steps, us int) float64 {
	rounds := roundsPerMicrosecond() * us
	seeds := make([]uint64, processes)
	return rate(processes*steps, func() {
		var ended sync.WaitGroup
		ended.Add(processes)
		for i := range seeds {
			go func(i int) {
				seed := uint64(i)
				for step := 0; step < steps; step++ {
					seed = burn(rounds, seed)
					runtime.Gosched()
				}
				seeds[i] = seed
				ended.Done()
			}(i)
		}
		ended.Wait()
	})
}

// 500 requests a second beside 1,000 goroutines in steps of 20 us.
func latencyBusy(row string) []result {
	const busy = 1000
	const count = 1000
	rounds := roundsPerMicrosecond() * 20
	var stop int32
	seeds := make([]uint64, busy)
	var ended sync.WaitGroup
	ended.Add(busy)
	for i := range seeds {
		go func(i int) {
			seed := uint64(i)
			for atomic.LoadInt32(&stop) == 0 {
				seed = burn(rounds, seed)
				runtime.Gosched()
			}
			seeds[i] = seed
			ended.Done()
		}(i)
	}
	requests := server()
	answer := make(chan int)
	took := make([]float64, count)
	due := time.Now()
	for i := range took {
		time.Sleep(time.Until(due))
		start := time.Now()
		requests <- request{i, answer}
		<-answer
		took[i] = float64(time.Since(start).Nanoseconds()) / 1000
		due = due.Add(2 * time.Millisecond)
	}
	atomic.StoreInt32(&stop, 1)
	ended.Wait()
	close(requests)
	sort.Float64s(took)
	return []result{{row, took[count/2]}, {row + "_p99", took[count*99/100]}, {row + "_p999", took[count*999/1000]}}
}

func one(row string, measure func() float64) []result {
	measure()
	runtime.GC() // the first round's garbage is not the second's
	return []result{{row, measure()}}
}

func run(row string) []result {
	switch row {
	case "pingpong":
		return one(row, func() float64 { return ring(2, 1, 4000000) })
	case "ring1":
		return one(row, func() float64 { return ring(1000, 1, 3000000) })
	case "ring100":
		return one(row, func() float64 { return ring(1000, 100, 5000000) })
	case "fanin":
		return one(row, func() float64 { return fanin(4, 500000) })
	case "random":
		return one(row, func() float64 { return random(200, 20000) })
	case "spawn":
		return one(row, func() float64 { return nursery(300000) })
	case "spawnwait":
		return one(row, func() float64 { return spawnwait(300000) })
	case "tree":
		return one(row, func() float64 { return tree(1000000) })
	case "call":
		return one(row, func() float64 { return call(1000000) })
	case "bytes":
		return []result{{row, bytes(1000000)}}
	case "timers":
		return timers(row, 200000)
	case "timers_1m":
		return timers(row, 1000000)
	case "independent":
		return one(row, func() float64 { return independent(200, 50, 20) })
	case "latency_busy":
		return latencyBusy(row)
	case "latency":
		latency(100000)
		return latency(100000)
	}
	fmt.Fprintln(os.Stderr, "no such row:", row)
	os.Exit(2)
	return nil
}

func main() {
	for _, r := range run(os.Args[1]) {
		fmt.Println(r.row, r.value)
	}
}
