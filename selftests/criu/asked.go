// SPDX-License-Identifier: GPL-2.0

// asked FILE: says there on SIGUSR1 whether Go's clocks, which its runtime reads
// through the vDSO, were right in all of its goroutines since the last time.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

const (
	goroutines = 20
	realtime   = 0 // CLOCK_REALTIME
)

var wrong atomic.Value

// bySyscall asks the kernel: syscall.Syscall never uses the vDSO.
func bySyscall() int64 {
	var ts syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, realtime, uintptr(unsafe.Pointer(&ts)), 0)
	return ts.Nano()
}

func work() {
	last := time.Now()
	for {
		before := bySyscall()
		now := time.Now()
		after := bySyscall()
		if now.UnixNano() < before || now.UnixNano() > after {
			wrong.Store(fmt.Sprintf("time.Now: %d is not in %d..%d", now.UnixNano(), before, after))
		}
		if now.Sub(last) < 0 {
			wrong.Store(fmt.Sprintf("the monotonic clock went back by %d", last.Sub(now)))
		}
		last = now
		time.Sleep(time.Millisecond)
	}
}

func report(text string) {
	if os.WriteFile(os.Args[1]+".new", []byte(text+"\n"), 0o644) == nil {
		os.Rename(os.Args[1]+".new", os.Args[1])
	}
}

func main() {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGUSR1)
	wrong.Store("")
	for i := 0; i < goroutines; i++ {
		go work()
	}
	report("ready")
	for range asked {
		time.Sleep(50 * time.Millisecond)
		text := wrong.Load().(string)
		if text == "" {
			text = "right"
		}
		report(text)
	}
}
