// Task shows a task's text in its states: before the run, at an await, and done.
package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"github.com/quartet-go/quartet/asyncio"
)

func request(ctx context.Context, url string) (string, error) {
	fmt.Println("requesting:", url)
	if err := asyncio.Sleep(ctx, 10*time.Millisecond); err != nil {
		return "", err
	}
	return "2026-11-22 10:00:00", nil
}

func report(ctx context.Context, url string) (struct{}, error) {
	_, err := request(ctx, url)
	return struct{}{}, err
}

func refuse(context.Context) (string, error) {
	return "", fmt.Errorf("no route to host")
}

func main() {
	ctx := context.Background()
	loop := asyncio.NewLoop(nil)
	defer loop.Close()

	task := asyncio.CreateTask(loop, asyncio.Coro(request, "www.baidu.com"))
	fmt.Println(task)
	loop.CallLater(5*time.Millisecond, func() { fmt.Println(task) })
	when, err := asyncio.RunUntilComplete(ctx, loop, task)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(task)
	fmt.Println(when)

	// A task without a value, a failed one and a cancelled one.
	nothing := asyncio.CreateTask(loop, asyncio.Coro(report, "go.dev"))
	asyncio.RunUntilComplete(ctx, loop, nothing)
	fmt.Println(nothing)

	failed := asyncio.CreateTask(loop, asyncio.Coro0(refuse))
	_, err = asyncio.RunUntilComplete(ctx, loop, failed)
	fmt.Println(failed)
	fmt.Println("error:", err)

	stopped := asyncio.CreateTask(loop, asyncio.Coro(request, "example.org"))
	stopped.SetName("stopped")
	loop.CallSoon(func() { stopped.Cancel(nil) })
	_, err = asyncio.RunUntilComplete(ctx, loop, stopped)
	fmt.Println(stopped)
	fmt.Println("error:", err)
}
