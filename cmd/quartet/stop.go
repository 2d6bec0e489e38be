package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"github.com/quartet-go/quartet/cmd/quartet/internal/fetch"
	"github.com/quartet-go/quartet/cmd/quartet/internal/report"
)

// Causes that end a job before its time.
var (
	errMaxTime    = errors.New("--max-time is over")
	errTerminated = errors.New("terminated")
)

// untilSignalled returns a context that SIGTERM ends, and whether a first Ctrl-C
// has stopped the job early. A second Ctrl-C ends the process. The caller calls stop.
func untilSignalled(parent context.Context, fetcher *fetch.Fetcher, rep *report.Reporter) (ctx context.Context, stopped func() bool, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	var interrupted atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		for s := range signals {
			switch {
			case s == syscall.SIGTERM:
				cancel(errTerminated)
			case interrupted.Swap(true):
				os.Exit(exitInterrupt)
			default:
				fetcher.Drain()
				rep.Notef("stopping: what runs may finish; Ctrl-C again ends it at once")
			}
		}
	}()
	return ctx, interrupted.Load, func() {
		signal.Stop(signals)
		close(signals)
		<-done
		cancel(nil)
	}
}

// An end is how a job ended, as far as it was not its items that failed.
type end struct {
	code int
	text string // for the summary line
	err  error  // to be told, or nil
}

func ending(ctx context.Context, stopped bool, err error) end {
	cause := context.Cause(ctx)
	switch {
	case errors.Is(cause, errTerminated):
		return end{exitTerminated, errTerminated.Error(), nil}
	case errors.Is(cause, errMaxTime):
		return end{exitDeadline, errMaxTime.Error(), nil}
	case stopped:
		return end{exitStopped, "stopped early", err}
	case err != nil:
		return end{exitFailed, "", err}
	}
	return end{}
}
