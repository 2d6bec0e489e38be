package asyncio_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/quartet-go/quartet/asyncio"
)

func TestChannels(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		var tr trace
		run(t, opts, func(ctx context.Context) error {
			ch := make(chan int)
			sender := spawn(ctx, func(ctx context.Context) error {
				for i := range 2 {
					if err := asyncio.Send(ctx, ch, i); err != nil {
						return err
					}
				}
				close(ch)
				return nil
			})
			for {
				v, ok, err := asyncio.Receive(ctx, ch)
				tr.add("%d %v %v", v, ok, err)
				if !ok {
					break
				}
			}
			if _, err := asyncio.Await(ctx, sender); err != nil {
				return err
			}
			short, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			never := make(chan int)
			if _, _, err := asyncio.Receive(short, never); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Receive: %v", err)
			}
			if err := asyncio.Send(short, never, 1); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Send: %v", err)
			}
			return nil
		})
		tr.want(t, "0 true <nil> | 1 true <nil> | 0 false <nil>")
	})
}

func TestSelect(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		var tr trace
		run(t, opts, func(ctx context.Context) error {
			in, out := make(chan string), make(chan int, 1)
			onIn := asyncio.OnReceive(in, func(s string, ok bool) { tr.add("in %q %v", s, ok) })
			i, err := asyncio.Select(ctx, onIn, asyncio.OnDefault(func() { tr.add("default") }))
			tr.add("%d %v", i, err)
			i, err = asyncio.Select(ctx, onIn, asyncio.OnSend(out, 5, func() { tr.add("sent") }))
			tr.add("%d %v %d", i, err, <-out)
			go func() {
				time.Sleep(time.Second)
				in <- "hello"
			}()
			i, err = asyncio.Select(ctx, onIn, asyncio.OnReceive(out, nil))
			tr.add("%d %v", i, err)
			short, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			i, err = asyncio.Select(short, onIn, asyncio.OnReceive[int](nil, nil))
			tr.add("%d %v", i, errors.Is(err, context.DeadlineExceeded))
			return nil
		})
		tr.want(t, `default | 1 <nil> | sent | 1 <nil> 5 | in "hello" true | 0 <nil> | -1 true`)
	})
}

func TestWaitGroup(t *testing.T) {
	bubble(t, func(t *testing.T, opts *asyncio.RunOptions) {
		run(t, opts, func(ctx context.Context) error {
			var wg sync.WaitGroup
			wg.Go(func() { time.Sleep(time.Minute) })
			short, cancel := context.WithTimeout(ctx, time.Second)
			defer cancel()
			if err := asyncio.WaitGroup(short, &wg); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("WaitGroup: %v", err)
			}
			return asyncio.WaitGroup(ctx, &wg)
		})
	})
}
