package multiprocessing

import "net"

// serveWorker is Main in a pool's worker.
func serveWorker(conn *net.UnixConn) int {
	conn.Close()
	return exitNoParent
}
