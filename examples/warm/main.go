// Warm takes processes from a stock that started before they were needed, and shows
// that they are what spawned ones are.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/quartet-go/quartet/multiprocessing"
)

var report = multiprocessing.Register("report", func(_ context.Context, what string) (struct{}, error) {
	fmt.Println(multiprocessing.CurrentProcess().Name, what, os.Getenv("COLOUR"))
	return struct{}{}, nil
})

func main() { os.Exit(multiprocessing.Main(run)) }

func run() int {
	stock, err := multiprocessing.NewWarm(2, nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer stock.Close()
	for _, method := range []multiprocessing.StartMethod{multiprocessing.Spawn, stock} {
		begin := time.Now()
		p := multiprocessing.NewProcess(report, "is", &multiprocessing.ProcessOptions{
			Start: method,
			Env:   []string{"COLOUR=green"},
		})
		if err := p.Start(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		if err := p.Join(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		fmt.Println(p, "after", time.Since(begin))
	}
	return 0
}
