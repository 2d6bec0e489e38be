// Daemon shows what the end of a program does to its processes: a daemon is
// terminated, the other is waited for.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/quartet-go/quartet/multiprocessing"
)

// tick prints for ever.
var tick = multiprocessing.Register("tick", func(context.Context, struct{}) (struct{}, error) {
	for range time.Tick(time.Hour) {
		fmt.Println("tick")
	}
	return struct{}{}, nil
})

var work = multiprocessing.Register("work", func(context.Context, struct{}) (struct{}, error) {
	<-time.After(100 * time.Millisecond)
	fmt.Println("the work is done")
	return struct{}{}, nil
})

func main() { os.Exit(multiprocessing.Main(run)) }

func run() int {
	clock := multiprocessing.NewProcess(tick, struct{}{}, &multiprocessing.ProcessOptions{Name: "clock", Daemon: new(true)})
	worker := multiprocessing.NewProcess(work, struct{}{}, nil)
	if err := errors.Join(clock.Start(), worker.Start()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(clock.SetDaemon(false))
	fmt.Println("the main function ends")
	return 0
}
