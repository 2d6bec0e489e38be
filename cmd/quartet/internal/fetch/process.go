package fetch

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/quartet-go/quartet/asyncio"
	"github.com/quartet-go/quartet/cmd/quartet/internal/argv"
	"github.com/quartet-go/quartet/cmd/quartet/internal/report"
	"github.com/quartet-go/quartet/cmd/quartet/internal/work"
	"github.com/quartet-go/quartet/multiprocessing"
)

func (f *Fetcher) hasWork() bool {
	return f.opts.Work != nil || f.opts.Digest != "" || len(f.opts.Exec) > 0
}

func (f *Fetcher) newPool(ctx context.Context) (*multiprocessing.Pool, error) {
	return multiprocessing.NewPool(ctx, &multiprocessing.PoolOptions{
		Workers:     f.opts.Workers,
		TaskTimeout: f.opts.WorkTimeout,
		TaskMemory:  f.opts.WorkMemory,
	})
}

// work works on the file of rec, in processes of the pool.
func (f *Fetcher) work(ctx context.Context, rec *report.Record) (err error) {
	if f.opts.Work != nil {
		rec.Digest, err = f.opts.Work(ctx, f, rec.File)
		return err
	}
	if f.opts.Digest != "" {
		if rec.Digest, err = Apply(ctx, f, rec.File, work.Digest, work.DigestJob{File: rec.File, Hash: f.opts.Digest}); err != nil {
			return err
		}
	}
	if len(f.opts.Exec) == 0 {
		return nil
	}
	outcome, err := Apply(ctx, f, rec.File, work.Exec, argv.Fill(f.opts.Exec, rec.File))
	if err != nil {
		return err
	}
	if err := f.pass(ctx, outcome.Stdout); err != nil {
		return err
	}
	if outcome.Failure != "" {
		return fmt.Errorf("%s: %s%s", f.opts.Exec[0], outcome.Failure, lastLine(outcome.Stderr))
	}
	return nil
}

// Apply calls fn with in, in a worker of f, as the work on file: within the limits
// of f, whose passing is its error and stops nothing else. If the worker dies
// otherwise, the work is done again.
func Apply[In, Out any](ctx context.Context, f *Fetcher, file string, fn multiprocessing.Func[In, Out], in In) (Out, error) {
	result := multiprocessing.ApplyAsync(ctx, f.pool, fn, in, &multiprocessing.AsyncOptions[Out]{
		Retries: max(0, f.opts.Retries),
		RetryIf: func(err error) bool {
			died, ok := errors.AsType[*multiprocessing.WorkerError](err)
			if !ok || errors.Is(err, multiprocessing.ErrMemory) {
				return false
			}
			f.report.Replaced(file, death(died))
			return true
		},
	})
	out, err := result.Get(ctx)
	return out, f.explain(ctx, err)
}

// A toldError is an error in the command's words.
type toldError struct {
	text string
	err  error
}

func (e *toldError) Error() string { return e.text }
func (e *toldError) Unwrap() error { return e.err }

// explain says what became of the work on a file in the command's words.
func (f *Fetcher) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, multiprocessing.ErrTimeout) {
		return &toldError{fmt.Sprintf("work stopped after %v", f.opts.WorkTimeout), err}
	}
	if errors.Is(err, multiprocessing.ErrMemory) && f.opts.WorkMemory > 0 {
		return &toldError{fmt.Sprintf("work stopped at %d MiB", f.opts.WorkMemory>>20), err}
	}
	if died, ok := errors.AsType[*multiprocessing.WorkerError](err); ok {
		return &toldError{death(died), err}
	}
	if remote, ok := errors.AsType[*multiprocessing.RemoteError](err); ok {
		return &toldError{remote.Message, err}
	}
	return err
}

// death tells of a worker that died, without the name of what it ran.
func death(died *multiprocessing.WorkerError) string {
	return strings.TrimPrefix(died.Error(), died.Function+": ")
}

// tell hands over a record, which may wait for who reads it.
func (f *Fetcher) tell(ctx context.Context, rec report.Record) error {
	_, err := asyncio.ToThread(context.WithoutCancel(ctx), func(context.Context) (struct{}, error) {
		return struct{}{}, f.report.Item(rec)
	})
	return err
}

// pass hands over the output of a command.
func (f *Fetcher) pass(ctx context.Context, output []byte) error {
	if len(output) == 0 {
		return nil
	}
	_, err := asyncio.ToThread(context.WithoutCancel(ctx), func(context.Context) (struct{}, error) {
		return struct{}{}, f.report.Output(output)
	})
	return err
}

// lastLine returns ": " and the last line of a text, or "".
func lastLine(text []byte) string {
	s := strings.TrimSpace(string(text))
	if s == "" {
		return ""
	}
	return ": " + s[strings.LastIndexByte(s, '\n')+1:]
}
