package aiohttp

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// DownloadOptions configures a download. A nil pointer or a zero field means the default.
type DownloadOptions struct {
	// Request has what the requests have of their own; its Total limits each attempt. Body and
	// Compress are not used. A Range header of one range limits the download to it. Compression is
	// only asked for by an Accept-Encoding here; what comes compressed is not resumed.
	Request *RequestOptions
	// Retry says how often an attempt that failed is followed by another one. Attempts counts
	// those in a row that brought nothing new.
	Retry *RetryOptions
	// Digest is what the whole must have: "sha256=HEX"; also md5, sha1, sha512.
	// "sha256" alone computes it.
	Digest string
	// Fresh throws away what an earlier run left.
	Fresh bool
	// Name is asked for the file's name, in place of the argument, when the header of an answer that
	// brings the file is there. What an earlier run left is then not looked for.
	Name func(*Response) (string, error)
	// Discard leaves nothing behind when Download fails: another call begins anew.
	Discard bool
	// TrustWeak resumes by Last-Modified or a weak ETag too: a server that changes a file
	// twice within a second may then give a mixture.
	TrustWeak bool
	// MaxBytes bounds the file. Default: no limit.
	MaxBytes int64
	// NoSync does not wait until the finished file is on the disk.
	NoSync bool
	// Progress is told from time to time, and at the end. It, Name and Attempted run on the caller's
	// goroutine or task.
	Progress func(DownloadProgress)
	// Attempted is told of each request when its outcome is known.
	Attempted func(DownloadAttempt)
}

// A DownloadAttempt is one of the requests of a download.
type DownloadAttempt struct {
	// Number of the request, from 1.
	Number int
	// Response, closed, or nil if none came.
	Response *Response
	// Err is why another one has to follow, or the download failed; nil if the file is complete.
	Err error
	// Took is from the request to the outcome.
	Took time.Duration
}

// DownloadProgress is how far a download is.
type DownloadProgress struct {
	// Done of Total bytes; Total is -1 if it is not known.
	Done, Total int64
	// Attempt is the number of the current request, from 1.
	Attempt int
}

// A DownloadResult is a finished download.
type DownloadResult struct {
	// Name of the file; empty for a download to a writer.
	Name string
	// Bytes of the whole; Resumed is how many of them an earlier run had left.
	Bytes, Resumed int64
	// Attempts is how many requests were sent; Restarts how often what was there could not be used.
	Attempts, Restarts int
	// Digest in hexadecimal, if one was asked for.
	Digest string
	// Status and Header of the last answer, and the URL it came from.
	Status int
	Header http.Header
	URL    string
}

// A DigestError is a download that is complete and not what it should be. It was removed.
type DigestError struct{ Algorithm, Got, Want string }

// Error names the algorithm and both digests.
func (e *DigestError) Error() string {
	return fmt.Sprintf("aiohttp: %s of the download is %s, want %s", e.Algorithm, e.Got, e.Want)
}

// Unwrap returns [ErrPayload].
func (e *DigestError) Unwrap() error { return ErrPayload }

// ErrCannotRestart is a download to a writer that would have to begin anew: what
// was written cannot be taken back.
var ErrCannotRestart = newClass("download cannot begin anew", ErrPayload)

// Download fetches url into the file name.
//
// The data goes to name.part, with what is needed to resume it in name.part.json;
// both stay when Download fails, and the next call goes on where this one
// stopped (files below 256 KiB begin anew). Only a complete file, of the right digest, is renamed to name. A part is
// resumed only if a strong ETag proves that the server's file is the same (see
// TrustWeak), and what the server answers is checked; in doubt the download begins anew. What
// comes after an interruption is therefore equal to a clean download.
//
// Attempts that fail are repeated as opts.Retry says; of a status that is an error nothing is
// written. ctx ends the download and leaves the part. Two downloads into one file at a time: the
// second one fails at once.
//
// The error is an [*Error]; it matches [ErrStatus], [ErrPayload] (a [*DigestError], a
// [*PayloadError]), an error of the file system, or the cause of ctx.
func (s *Session) Download(ctx context.Context, url, name string, opts *DownloadOptions) (*DownloadResult, error) {
	return s.download(ctx, url, opts, &fileSink{name: name})
}

// DownloadTo is [Session.Download] into a writer: an interrupted transfer is
// resumed, but nothing is kept for another call. If it has to begin anew, w must be an
// [io.Seeker] with Truncate, as an [os.File] is, or have got nothing yet; else
// the error is [ErrCannotRestart].
func (s *Session) DownloadTo(ctx context.Context, url string, w io.Writer, opts *DownloadOptions) (*DownloadResult, error) {
	return s.download(ctx, url, opts, newWriterSink(w))
}

// A sink is where a download goes.
type sink interface {
	// open finds what is there already; state is zero if nothing can be used.
	open(url string, fresh bool) (downloadState, error)
	// save remembers what a later run needs.
	save(st downloadState) error
	// move sets the position, to what is there or before it; the rest is given up.
	move(to int64) error
	io.Writer
	// local reports whether Write is our own and may run off the caller's goroutine.
	local() bool
	// rename gives the result another name before open; path is its name.
	rename(name string)
	path() string
	// prefix reads what is there from its beginning.
	prefix() (io.ReadCloser, error)
	// finish makes the whole the result, discard removes it, close leaves it for later.
	finish(sync bool) error
	discard() error
	close() error
}
