// SPDX-License-Identifier: GPL-2.0

// Goroutines read the clocks through Go's runtime, which finds the vDSO's
// functions by itself and calls them on a stack of its own; every answer must
// lie between those of two system calls.
package main

import (
	"fmt"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const (
	goroutines = 100
	duration   = 3 * time.Second
	realtime   = 0 // CLOCK_REALTIME
)

// bySyscall asks the kernel: syscall.Syscall never uses the vDSO.
func bySyscall() int64 {
	var ts syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, realtime, uintptr(unsafe.Pointer(&ts)), 0)
	return ts.Nano()
}

func check(what string, before, answer, after int64) {
	if before <= answer && answer <= after {
		return
	}
	fmt.Printf("%s: %d is not in %d..%d\n", what, answer, before, after)
	os.Exit(1)
}

func work(end int64) (answers int64) {
	last := time.Now()
	for bySyscall() < end {
		before := bySyscall()
		now := time.Now()
		check("time.Now", before, now.UnixNano(), bySyscall())
		if now.Sub(last) < 0 {
			check("the monotonic clock", 0, int64(now.Sub(last)), 0)
		}
		last = now

		var tv syscall.Timeval
		before = bySyscall()
		syscall.Gettimeofday(&tv)
		check("syscall.Gettimeofday", before/1000, tv.Nano()/1000, bySyscall()/1000)
		answers += 2
	}
	return answers
}

func main() {
	// More threads than processors, so that they are preempted inside the vDSO.
	runtime.GOMAXPROCS(8)

	var total int64
	var all sync.WaitGroup
	end := bySyscall() + int64(duration)
	for i := 0; i < goroutines; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			atomic.AddInt64(&total, work(end))
		}()
	}
	all.Wait()
	fmt.Printf("%d answers in %d goroutines, all right\n", total, goroutines)
	if total == 0 {
		os.Exit(1)
	}
}
