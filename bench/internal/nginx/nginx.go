// Package nginx starts the server that HTTP sides fetch from.
package nginx

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"text/template"
	"time"

	"github.com/quartet-go/quartet/bench/internal/measure"
)

// A Server is an nginx on free ports of the loopback interface.
type Server struct {
	URL string      // without a slash at its end
	TLS string      // the same pages over TLS, HTTP/2 by choice
	CA  *tls.Config // trusts the server's certificate

	dir    string
	cmd    *exec.Cmd
	stderr bytes.Buffer
	exited chan struct{}
}

var config = template.Must(template.New("nginx.conf").Parse(`
daemon off;
{{if .User}}user {{.User}};{{end}}
worker_processes 1;
pid {{.Dir}}/nginx.pid;
error_log stderr error;
worker_rlimit_nofile 8192;
events { worker_connections 4096; }
http {
	access_log off;
	sendfile on;
	tcp_nopush on;
	default_type application/octet-stream;
	keepalive_requests 1000000000;
	keepalive_timeout 1h;
	open_file_cache max=4096 inactive=1h;
	client_body_temp_path {{.Dir}}/body;
	proxy_temp_path {{.Dir}}/proxy;
	fastcgi_temp_path {{.Dir}}/fastcgi;
	uwsgi_temp_path {{.Dir}}/uwsgi;
	scgi_temp_path {{.Dir}}/scgi;
	ssl_certificate {{.Dir}}/cert.pem;
	ssl_certificate_key {{.Dir}}/key.pem;
	server {
		listen 127.0.0.1:{{.Plain}} backlog=4096;
		listen 127.0.0.1:{{.Secure}} ssl http2 backlog=4096;
		root {{.Root}};
	}
}
`))

// Binary is the nginx of this machine, or an error that matches measure.ErrSkip.
func Binary() (string, error) {
	for _, name := range []string{"nginx", "/usr/sbin/nginx"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", measure.Skip("nginx is not installed")
}

// Start serves the files below root until Close. It returns when the server
// accepts connections.
func Start(ctx context.Context, root string) (*Server, error) {
	binary, err := Binary()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "quartet-bench-nginx-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, exited: make(chan struct{})}
	if err := s.start(ctx, binary, root); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return s, nil
}

func (s *Server) start(ctx context.Context, binary, root string) error {
	ports, err := freePorts(2)
	if err != nil {
		return err
	}
	s.URL, s.TLS = fmt.Sprint("http://127.0.0.1:", ports[0]), fmt.Sprint("https://127.0.0.1:", ports[1])
	if s.CA, err = certify(s.dir); err != nil {
		return err
	}
	var text bytes.Buffer
	fields := map[string]any{"Dir": s.dir, "Root": root, "Plain": ports[0], "Secure": ports[1], "User": ""}
	if u, err := user.Current(); err == nil && u.Uid == "0" {
		fields["User"] = u.Username // else its worker cannot read a folder of ours
	}
	if err := config.Execute(&text, fields); err != nil {
		return err
	}
	conf := filepath.Join(s.dir, "nginx.conf")
	if err := os.WriteFile(conf, text.Bytes(), 0o600); err != nil {
		return err
	}
	s.cmd = exec.Command(binary, "-p", s.dir, "-e", "stderr", "-c", conf)
	s.cmd.Stderr = &s.stderr
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	go func() {
		defer close(s.exited)
		s.cmd.Wait()
	}()
	if err := s.ready(ctx, fmt.Sprint("127.0.0.1:", ports[0])); err != nil {
		s.Close()
		return fmt.Errorf("starting nginx: %w: %s", err, strings.TrimSpace(s.stderr.String()))
	}
	return nil
}

// ready waits until the server accepts a connection.
func (s *Server) ready(ctx context.Context, addr string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", addr)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-tick.C:
		case <-s.exited:
			return fmt.Errorf("it ended: %v", s.cmd.ProcessState)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Close ends the server and removes what it wrote.
func (s *Server) Close() error {
	s.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.AfterFunc(5*time.Second, func() { syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL) })
	defer timer.Stop()
	<-s.exited
	return os.RemoveAll(s.dir)
}

func freePorts(n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close() // only when all are known, so that they differ
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}

// certify writes a certificate for 127.0.0.1 and returns who trusts it.
func certify(dir string) (*tls.Config, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	cert := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: "127.0.0.1"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(24 * time.Hour),
		IsCA:         true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, cert, cert, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: der},
		"key.pem":  {Type: "PRIVATE KEY", Bytes: secret},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			return nil, err
		}
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Config{RootCAs: pool}, nil
}
