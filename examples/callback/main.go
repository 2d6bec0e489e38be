// Callback has a function called with a task when that is done.
package main

import (
	"context"
	"fmt"
	"log"

	"github.com/quartet-go/quartet/asyncio"
)

func request(ctx context.Context, url string) (string, error) {
	fmt.Println("requesting:", url)
	return "page of " + url, asyncio.Sleep(ctx, 0)
}

// callback is given the task, whose result is that of its coroutine.
func callback(task *asyncio.Task[string]) {
	fmt.Println(task.Result())
}

func second(task *asyncio.Task[string]) {
	fmt.Println("then", task.Name(), task.Done())
}

func main() {
	loop := asyncio.NewLoop(nil)
	defer loop.Close()

	task := asyncio.CreateTask(loop, asyncio.Coro(request, "www.baidu.com"))
	task.AddDoneCallback(callback)
	task.AddDoneCallback(second)
	task.AddDoneCallback(second)
	fmt.Println(task)
	fmt.Println("removed", task.RemoveDoneCallback(second))
	task.AddDoneCallback(second)

	if _, err := asyncio.RunUntilComplete(context.Background(), loop, task); err != nil {
		log.Fatal(err)
	}
}
