// Kind starts a process in a program that is built in some way.
package main

import (
	"context"
	"fmt"
	"os"
	"regexp"

	"github.com/quartet-go/quartet/multiprocessing"
)

var exit = multiprocessing.Register("exit", func(_ context.Context, code int) (struct{}, error) {
	return struct{}{}, multiprocessing.ExitError(code)
})

func main() { os.Exit(multiprocessing.Main(run)) }

func run() int {
	if len(os.Args) > 1 && os.Args[1] == "delete" {
		if err := os.Remove(os.Args[0]); err != nil {
			fmt.Println(err)
		}
	}
	p := multiprocessing.NewProcess(exit, 3, nil)
	if err := p.Start(); err != nil {
		fmt.Println(err)
		return 1
	}
	if err := p.Join(context.Background()); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(regexp.MustCompile(`=\d{2,}`).ReplaceAllString(p.String(), "=N"))
	return 0
}
