package aiohttp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

const (
	maxCodings        = 5       // Content-Encoding: how many may be stacked
	maxGzipMembers    = 1024    // in one body
	maxZstdWindow     = 8 << 20 // RFC 9659
	ratioFreeBytes    = 16 << 20
	acceptEncoding    = "gzip, deflate, br, zstd"
	decodeBufferBytes = 16 << 10
)

// encoders of the request's side, by Content-Encoding.
var encoders = map[string]func(io.Writer) (io.WriteCloser, error){
	"gzip":    func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil },
	"deflate": func(w io.Writer) (io.WriteCloser, error) { return zlib.NewWriter(w), nil },
	"br":      func(w io.Writer) (io.WriteCloser, error) { return brotli.NewWriter(w), nil },
	"zstd": func(w io.Writer) (io.WriteCloser, error) {
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	},
}

// codings splits a Content-Encoding header into the codings to undo, outermost
// first. It returns nil if there is none, and an error if one is unknown.
func codings(header []string) ([]string, error) {
	if len(header) == 0 {
		return nil, nil
	}
	var names []string
	for name := range strings.SplitSeq(strings.Join(header, ","), ",") {
		switch name = strings.ToLower(strings.TrimSpace(name)); name {
		case "", "identity":
		case "x-gzip":
			names = append(names, "gzip")
		case "gzip", "deflate", "br", "zstd":
			names = append(names, name)
		default:
			return nil, &caused{ErrPayload, fmt.Errorf("unknown content encoding %q", name)}
		}
	}
	if len(names) > maxCodings {
		return nil, &LimitError{What: "number of content encodings", Limit: maxCodings}
	}
	for i, j := 0, len(names)-1; i < j; i, j = i+1, j-1 {
		names[i], names[j] = names[j], names[i]
	}
	return names, nil
}

// A decoder undoes the codings of a body within limits.
type decoder struct {
	src      *countingReader
	r        io.Reader
	closers  []func()
	out      int64
	max      int64 // bytes decoded; below 1: no limit
	maxRatio int64 // decoded to transferred, once ratioFreeBytes came out
}

type countingReader struct {
	r io.Reader
	n int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

func newDecoder(r io.Reader, names []string, maxBytes, maxRatio int64) *decoder {
	d := &decoder{src: &countingReader{r: r}, max: maxBytes, maxRatio: maxRatio}
	d.r = d.src
	for _, name := range names {
		l := &lazyDecoder{src: bufio.NewReaderSize(d.r, decodeBufferBytes), name: name}
		d.r = l
		d.closers = append(d.closers, l.close)
	}
	return d
}

func (d *decoder) Read(p []byte) (int, error) {
	if d.max > 0 && int64(len(p)) > d.max-d.out+1 {
		p = p[:d.max-d.out+1]
	}
	n, err := d.r.Read(p)
	d.out += int64(n)
	if d.max > 0 && d.out > d.max {
		return 0, &LimitError{What: "decoded body", Limit: d.max}
	}
	if d.maxRatio > 0 && d.out > ratioFreeBytes && d.out > d.maxRatio*d.src.n {
		return 0, &LimitError{What: "compression ratio", Limit: d.maxRatio}
	}
	if err == io.ErrUnexpectedEOF {
		err = errTruncated
	}
	return n, err
}

var errTruncated = errors.New("compressed data ends in the middle")

func (d *decoder) close() {
	for _, f := range d.closers {
		f()
	}
}

// A lazyDecoder makes its decoder when the first byte is there: an empty body is
// empty whatever its Content-Encoding says.
type lazyDecoder struct {
	src   *bufio.Reader
	name  string
	r     io.Reader
	end   func()
	err   error
	begun bool
}

func (l *lazyDecoder) Read(p []byte) (int, error) {
	if !l.begun {
		l.begun = true
		if _, err := l.src.Peek(1); err != nil {
			l.err = err
		} else {
			l.r, l.end, l.err = newCoding(l.src, l.name)
		}
	}
	if l.err != nil {
		return 0, l.err
	}
	n, err := l.r.Read(p)
	if err != nil {
		l.err = err
		if err == io.EOF {
			l.err = l.drained()
			if n > 0 && l.err != io.EOF {
				return n, l.err
			}
			err = l.err
		}
	}
	return n, err
}

// drained sees to it that the layer below reached its end as well: what comes
// after the end of the coding is an error, and the end frees the connection.
func (l *lazyDecoder) drained() error {
	_, err := l.src.Peek(1)
	if err == nil {
		return errors.New("data after the end of " + l.name)
	}
	return err
}

func (l *lazyDecoder) close() {
	if l.end != nil {
		l.end()
	}
}

func newCoding(src *bufio.Reader, name string) (r io.Reader, end func(), err error) {
	switch name {
	case "gzip":
		z, err := gzip.NewReader(src)
		if err != nil {
			return nil, nil, err
		}
		z.Multistream(false)
		return &gzipMembers{src: src, z: z}, nil, nil
	case "deflate":
		// HTTP's "deflate" is zlib (RFC 9110 §8.4.1.2); some servers send it bare.
		if head, err := src.Peek(2); err == nil && head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
			z, err := zlib.NewReader(src)
			return z, nil, err
		}
		return flate.NewReader(src), nil, nil
	case "br":
		return brotli.NewReader(src), nil, nil
	default:
		z, err := zstd.NewReader(src, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxZstdWindow), zstd.WithDecoderMaxMemory(1<<62))
		if err != nil {
			return nil, nil, err
		}
		return z, z.Close, nil
	}
}

// gzipMembers reads gzip members one after the other (RFC 1952 §2.2), counting them.
type gzipMembers struct {
	src *bufio.Reader
	z   *gzip.Reader
	n   int
}

func (g *gzipMembers) Read(p []byte) (int, error) {
	for {
		n, err := g.z.Read(p)
		if err != io.EOF {
			return n, err
		}
		if n > 0 {
			return n, nil
		}
		if _, err := g.src.Peek(1); err != nil {
			return 0, err
		}
		if g.n++; g.n >= maxGzipMembers {
			return 0, &LimitError{What: "gzip members", Limit: maxGzipMembers}
		}
		if err := g.z.Reset(g.src); err != nil {
			return 0, err
		}
		g.z.Multistream(false)
	}
}
