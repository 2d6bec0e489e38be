package aiohttp_test

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/quartet-go/quartet/aiohttp"
	"github.com/quartet-go/quartet/asyncio"
)

// While a request of a task waits, for its header and for its body, other tasks
// run: the server answers only when they have.
func TestOtherTasksRun(t *testing.T) {
	t.Parallel()
	header, body := make(chan struct{}), make(chan struct{})
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		<-header
		w.(http.Flusher).Flush()
		<-body
		io.WriteString(w, "done")
	})
	s := newSession(t, nil)
	got, err := asyncio.Run(t.Context(), func(ctx context.Context) (string, error) {
		other := asyncio.Go(ctx, func(ctx context.Context) (struct{}, error) {
			for range 3 {
				if err := asyncio.Sleep(ctx, 0); err != nil {
					return struct{}{}, err
				}
			}
			close(header)
			return struct{}{}, nil
		})
		resp, err := s.Get(ctx, srv.URL, nil)
		if err != nil {
			return "", err
		}
		defer resp.Close()
		if !other.Done() {
			t.Error("the header came before the other task ran")
		}
		asyncio.Go(ctx, func(context.Context) (struct{}, error) { close(body); return struct{}{}, nil })
		return resp.Text(ctx)
	}, nil)
	if err != nil || got != "done" {
		t.Errorf("got %q, %v", got, err)
	}
}

// A task that waits in the pool's queue lets the one run that will free a place.
func TestTasksQueue(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") })
	conn := aiohttp.NewConnector(&aiohttp.ConnectorOptions{Limit: 1})
	t.Cleanup(func() { conn.Close() })
	s := newSession(t, &aiohttp.SessionOptions{Connector: conn})
	_, err := asyncio.Run(t.Context(), func(ctx context.Context) (int, error) {
		var tasks []asyncio.Awaitable[string]
		for range 20 {
			tasks = append(tasks, asyncio.Go(ctx, func(ctx context.Context) (string, error) {
				resp, err := s.Get(ctx, srv.URL, nil)
				if err != nil {
					return "", err
				}
				defer resp.Close()
				if err := asyncio.Sleep(ctx, 0); err != nil { // holds the place
					return "", err
				}
				return resp.Text(ctx)
			}))
		}
		all, err := asyncio.Gather(ctx, tasks...)
		return len(all), err
	}, nil)
	if err != nil {
		t.Error(err)
	}
	if n := conn.Stats().Dials; n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

// Cancelling a task ends its request.
func TestCancelledTask(t *testing.T) {
	t.Parallel()
	in, gone := make(chan struct{}), make(chan struct{})
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		close(in)
		<-r.Context().Done()
		close(gone)
	})
	s := newSession(t, nil)
	_, err := asyncio.Run(t.Context(), func(ctx context.Context) (int, error) {
		task := asyncio.Go(ctx, func(ctx context.Context) (int, error) {
			_, err := s.Get(ctx, srv.URL, nil)
			return 0, err
		})
		if _, err := asyncio.ToThread(ctx, func(context.Context) (int, error) { <-in; return 0, nil }); err != nil {
			return 0, err
		}
		task.Cancel(nil)
		if _, err := asyncio.Wait(ctx, []*asyncio.Task[int]{task}, nil); err != nil {
			return 0, err
		}
		if !task.Cancelled() {
			t.Errorf("task is %v", task)
		}
		return 0, nil
	}, nil)
	if err != nil {
		t.Error(err)
	}
	<-gone
}
