package rival

import (
	"context"
	"fmt"
	"io"

	"github.com/quartet-go/quartet/bench/internal/measure"
)

// SocketPair sends a message to another Go process over a socket pair and reads
// the answer, n times: no task goes there and back in less. Message i carries
// the low byte of i and comes back one higher.
var SocketPair = measure.With(func(_ context.Context, n int) (measure.Round, func() error, error) {
	conn, stop, err := startEcho()
	if err != nil {
		return nil, nil, err
	}
	out := make([]int, n)
	message := make([]byte, messageBytes)
	return func(context.Context) (measure.Result, error) {
		seconds, err := measure.Clock(func() error {
			for i := range n {
				message[0] = byte(i)
				if _, err := conn.Write(message); err != nil {
					return err
				}
				if _, err := io.ReadFull(conn, message); err != nil {
					return err
				}
				out[i] = i + int(message[0]-byte(i))
			}
			return nil
		})
		return measure.Result{Amount: seconds, Work: measure.Ints(out)}, err
	}, stop, nil
})

// Exec starts this binary n times, one after the other, and waits for each: it
// ends at once.
var Exec = measure.Func(func(ctx context.Context, n int) (measure.Result, error) {
	codes := make([]int, n)
	seconds, err := measure.Clock(func() error {
		for i := range n {
			cmd, err := child("exit")
			if err != nil {
				return err
			}
			if err := cmd.Run(); err != nil {
				return fmt.Errorf("child %d: %w", i, err)
			}
			codes[i] = cmd.ProcessState.ExitCode()
		}
		return nil
	})
	return measure.Result{Amount: seconds, Work: measure.Ints(codes)}, err
})
