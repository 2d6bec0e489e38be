package multiprocessing_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/quartet-go/quartet/internal/leakcheck"
	"github.com/quartet-go/quartet/multiprocessing"
)

func TestMain(m *testing.M) {
	os.Exit(multiprocessing.Main(func() int {
		// The first child starts what stays up to the end of Main: the sentry and
		// the thread that starts children.
		p := multiprocessing.NewProcess(nothing, none{}, nil)
		if err := p.Start(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		_ = p.Join(context.Background())
		return leakcheck.Run(m, nil)
	}))
}
