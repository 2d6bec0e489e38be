package origin

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
)

// A Fault is one way in which the server misbehaves.
type Fault string

// The faults. All but Redirect and Gzip befall a file once: the next request for
// it is answered as it should be.
const (
	None        Fault = ""
	Slow        Fault = "slow"         // a pause in the middle of the body
	ServerError Fault = "500"          // an answer 500
	TooMany     Fault = "429"          // an answer 429 with Retry-After
	Reset       Fault = "reset"        // the connection is reset in the middle of the body
	Redirect    Fault = "redirect"     // the URL given leads to another
	Gzip        Fault = "gzip"         // the body is compressed, whatever was asked for
	WrongLength Fault = "wrong length" // the body ends before the length announced
)

// Faults are all faults but None.
var Faults = []Fault{Slow, ServerError, TooMany, Reset, Redirect, Gzip, WrongLength}

// A File is one file of the server. Its content follows from the seed, so that
// who knows the seed knows the right digest without the server.
type File struct {
	Path  string
	Size  int64
	Fault Fault
	seed  [32]byte
}

// Content returns a reader of the right content: the key stream of AES in counter
// mode, whose key is the seed.
func (f File) Content() io.Reader {
	block, err := aes.NewCipher(f.seed[:])
	if err != nil {
		panic("origin: " + err.Error()) // the key has the right length
	}
	stream := cipher.StreamReader{S: cipher.NewCTR(block, make([]byte, aes.BlockSize)), R: zeros{}}
	return io.LimitReader(stream, f.Size)
}

// zeros reads as zeros without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// Digest returns the SHA-256 of the right content in hexadecimal.
func (f File) Digest() string {
	h := sha256.New()
	if _, err := io.Copy(h, f.Content()); err != nil {
		panic("origin: " + err.Error()) // neither side can fail
	}
	return hex.EncodeToString(h.Sum(nil))
}

const (
	eachFault = 6       // files with each fault
	minFaulty = 1 << 16 // a fault in the middle needs a middle
	maxSize   = 1 << 20 // but for the sizes below, and those that are reset
)

var suffixes = map[Fault]string{
	Slow: "-slow", ServerError: "-500", TooMany: "-429", Reset: "-reset",
	Redirect: "-redirect", Gzip: "-gzip", WrongLength: "-short",
}

// edges are sizes at which buffers and blocks end.
var edges = []int64{0, 1, 4095, 4096, 4097, 1<<16 - 1, 1 << 16, 1<<16 + 1, 4 << 20}

// catalogue returns n files made from seed: eachFault of each fault, the edges,
// and the rest of many sizes, small ones as frequent as large ones.
func catalogue(seed uint64, n int) []File {
	rng := rand.New(rand.NewPCG(seed, 0))
	files := make([]File, 0, n)
	add := func(fault Fault, size int64) {
		f := File{Size: size, Fault: fault}
		f.Path = fmt.Sprintf("/files/%03d%s.bin", len(files), suffixes[fault])
		binary.LittleEndian.PutUint64(f.seed[:], seed)
		copy(f.seed[8:], fmt.Sprintf("%024d", len(files)))
		files = append(files, f)
	}
	for _, fault := range Faults {
		for range eachFault {
			size := minFaulty + rng.Int64N(maxSize-minFaulty)
			if fault == Reset {
				size += maxSize // see writeBuffer
			}
			add(fault, size)
		}
	}
	for _, size := range edges {
		add(None, size)
	}
	for len(files) < n {
		add(None, int64(math.Exp2(rng.Float64()*20)))
	}
	rng.Shuffle(len(files), func(i, j int) { files[i], files[j] = files[j], files[i] })
	return files
}
