// Process starts five processes, prints them in a slice, and joins them.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/quartet-go/quartet/multiprocessing"
)

// square takes its time and exits with the square of its argument.
var square = multiprocessing.Register("square", func(_ context.Context, n int) (struct{}, error) {
	<-time.After(time.Second)
	return struct{}{}, multiprocessing.ExitError(n * n)
})

func main() { os.Exit(multiprocessing.Main(run)) }

func run() int {
	var processes multiprocessing.Processes
	for n := range 5 {
		p := multiprocessing.NewProcess(square, n, nil)
		fmt.Println(p)
		if err := p.Start(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		processes = append(processes, p)
	}
	fmt.Println(processes)
	for _, p := range processes {
		if err := p.Join(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		fmt.Println(p, p.IsAlive())
	}
	return 0
}
