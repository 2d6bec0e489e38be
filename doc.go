// Package quartet is the map of the module; it exports nothing.
//
// Four packages do the work, and each can be used without the others:
//
//   - asyncio runs many tasks on one goroutine at a time: an event loop with
//     tasks, futures, groups, timeouts, locks and queues.
//   - multiprocessing runs functions of your program in child processes that
//     can be killed, limited and replaced.
//   - aiohttp makes HTTP requests through sessions with limits, timeouts by
//     phase, cookies and safe retries.
//   - aiofiles reads, writes and replaces files with calls that can be given up.
//
// A call that may block takes a context. Made from a task of an asyncio loop
// it suspends that task alone; made from any other goroutine it blocks that
// goroutine, as Go calls do. The names and meanings are the same in both.
//
// The command quartet, in cmd/quartet, does one whole job with all four.
package quartet
