package quartet_test

import (
	"os"
	"path/filepath"
	"testing"
)

// notesNames are the names that the notes which started the project use, and
// those that this module must have for them. docs/parity.md has a row for each:
// Python's in the first column, ours in the second. The list is fixed.
var notesNames = []string{
	// Process: its parameters, methods and attributes.
	"Process", "group", "target", "name", "args", "kwargs", "daemon",
	"Process.run", "Process.start", "Process.join", "Process.name", "Process.is_alive", "Process.daemon", "Process.pid",
	"Process.exitcode", "Process.terminate", "Process.kill", "Process.close",
	"multiprocessing.NewProcess", "multiprocessing.ProcessOptions", "multiprocessing.ProcessOptions.Name", "multiprocessing.ProcessOptions.Daemon",
	"multiprocessing.Process.Run", "multiprocessing.Process.Start", "multiprocessing.Process.Join", "multiprocessing.Process.Name",
	"multiprocessing.Process.SetName", "multiprocessing.Process.IsAlive", "multiprocessing.Process.Daemon", "multiprocessing.Process.SetDaemon",
	"multiprocessing.Process.Pid", "multiprocessing.Process.ExitCode", "multiprocessing.Process.Terminate", "multiprocessing.Process.Kill",
	"multiprocessing.Process.TerminateOnly", "multiprocessing.Process.Close", "multiprocessing.Process.String",
	"multiprocessing.ErrAlreadyStarted", "multiprocessing.ErrNotStarted", "multiprocessing.ErrStillRunning", "multiprocessing.ErrProcessClosed",
	"multiprocessing.ErrDaemonAfterStart", "multiprocessing.ErrDaemonHasChildren", "multiprocessing.ErrMainNotCalled",

	// Pool: its parameters and methods.
	"Pool", "processes", "initializer", "initargs", "maxtasksperchild", "context",
	"Pool.apply", "Pool.apply_async", "Pool.map", "Pool.map_async", "Pool.starmap", "Pool.starmap_async",
	"Pool.close", "Pool.terminate", "Pool.join", "chunksize", "callback", "error_callback",
	"multiprocessing.NewPool", "multiprocessing.CPUCount", "multiprocessing.Apply", "multiprocessing.ApplyAsync", "multiprocessing.Map",
	"multiprocessing.MapAsync", "multiprocessing.Starmap", "multiprocessing.StarmapAsync", "multiprocessing.Pool.Close",
	"multiprocessing.Pool.Terminate", "multiprocessing.Pool.Join", "multiprocessing.ErrPoolRunning", "multiprocessing.ErrPoolClosed",

	// AsyncResult.
	"AsyncResult", "AsyncResult.get", "AsyncResult.wait", "AsyncResult.ready", "AsyncResult.successful", "TimeoutError",
	"multiprocessing.AsyncResult", "multiprocessing.AsyncResult.Get", "multiprocessing.AsyncResult.Wait", "multiprocessing.AsyncResult.Ready",
	"multiprocessing.AsyncResult.Successful", "multiprocessing.ErrTimeout",

	// asyncio.
	"async def", "await", "asyncio.get_event_loop", "asyncio.get_running_loop", "asyncio.new_event_loop", "loop.run_until_complete", "loop.create_task",
	"asyncio.ensure_future", "asyncio.wait", "asyncio.Future", "asyncio.Task", "Task.add_done_callback", "Task.result", "Task.exception", "Task.cancel",
	"asyncio.gather", "asyncio.wait_for", "asyncio.sleep", "asyncio.to_thread", "loop.call_soon", "loop.call_later", "loop.call_at", "loop.call_soon_threadsafe",
	"loop.stop", "loop.run_forever", "loop.close",
	"asyncio.Coro", "asyncio.ErrCoroutineReused", "asyncio.NewLoop", "asyncio.RunningLoop", "asyncio.RunUntilComplete", "asyncio.CreateTask",
	"asyncio.EnsureFuture", "asyncio.Await", "asyncio.Wait", "asyncio.Gather", "asyncio.WaitFor", "asyncio.Sleep", "asyncio.ToThread",
	"asyncio.Task.AddDoneCallback", "asyncio.Task.Result", "asyncio.Task.Err", "asyncio.Task.Cancel", "asyncio.Task.String",
	"asyncio.Loop.CallSoon", "asyncio.Loop.CallLater", "asyncio.Loop.CallAt", "asyncio.Loop.CallSoonThreadsafe", "asyncio.Loop.Stop",
	"asyncio.Loop.RunForever", "asyncio.Loop.Close",

	// aiohttp.
	"ClientSession", "ClientSession.get", "ClientSession.post", "ClientSession.put", "ClientSession.patch", "ClientSession.delete",
	"ClientSession.head", "ClientSession.options", "ClientSession.close", "ClientResponse.status", "ClientResponse.headers",
	"ClientResponse.text", "ClientResponse.read", "ClientResponse.json", "ClientResponse.content.iter_chunked", "ClientResponse.close",
	"aiohttp.NewSession", "aiohttp.Session.Get", "aiohttp.Session.Close", "aiohttp.Response.Status", "aiohttp.Response.Header",
	"aiohttp.Response.Text", "aiohttp.Response.Bytes", "aiohttp.Response.JSON", "aiohttp.Response.Chunks", "aiohttp.Response.Close",

	// aiofiles.
	"open", "mode", "encoding", "read", "write", "seek", "async for line in file", "close",
	"aiofiles.Open", "aiofiles.OpenOptions.Encoding", "aiofiles.File.Read", "aiofiles.File.ReadAll", "aiofiles.File.Write",
	"aiofiles.File.Seek", "aiofiles.File.Lines", "aiofiles.File.Close", "aiofiles.WriteFileAtomic",
}

// notesExamples are the programs for the snippets of the notes. The list is fixed.
var notesExamples = []string{
	"process", "daemon", "terminate", "pool", "starmap", "initializer", "poolcallback", "asyncresult",
	"coroutine", "task", "future", "callback", "httpget", "files", "crawler",
}

// TestNotesExamples asks for each example and for what it prints, which
// ci/examples.sh compares.
func TestNotesExamples(t *testing.T) {
	for _, name := range notesExamples {
		for _, file := range []string{"main.go", "output.txt"} {
			if _, err := os.Stat(filepath.Join("examples", name, file)); err != nil {
				t.Error(err)
			}
		}
	}
}
