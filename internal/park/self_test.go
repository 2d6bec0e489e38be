package park

import (
	"sync"
	"testing"
	"unsafe"
)

func TestSelf(t *testing.T) {
	for name, get := range map[string]func() ID{
		"chosen": Self,
		"goid":   goid,
	} {
		t.Run(name, func(t *testing.T) {
			const n = 50
			var (
				mu   sync.Mutex
				seen = map[ID]bool{get(): true}
				all  sync.WaitGroup
				hold = make(chan struct{})
				met  sync.WaitGroup
			)
			met.Add(n)
			for range n {
				all.Go(func() {
					mu.Lock()
					seen[get()] = true
					mu.Unlock()
					met.Done()
					<-hold
				})
			}
			met.Wait()
			close(hold)
			all.Wait()
			if len(seen) != n+1 {
				t.Errorf("%d identities for %d goroutines", len(seen), n+1)
			}
		})
	}
}

func TestTrust(t *testing.T) {
	var word [2]byte
	var calls int
	for name, get := range map[string]func() unsafe.Pointer{
		"nothing":  func() unsafe.Pointer { return nil },
		"constant": func() unsafe.Pointer { return unsafe.Pointer(&word[0]) },
		"moving":   func() unsafe.Pointer { calls++; return unsafe.Pointer(&word[calls%2]) },
	} {
		if trust(get) {
			t.Errorf("trust(%s) = true", name)
		}
	}
	if Self(); hasGetg && !trusted.Load() {
		t.Error("the address of g is not trusted on this machine")
	}
}

func BenchmarkSelf(b *testing.B) {
	b.Run("impl=chosen", func(b *testing.B) {
		for b.Loop() {
			Self()
		}
	})
	b.Run("impl=goid", func(b *testing.B) {
		for b.Loop() {
			goid()
		}
	})
}

func BenchmarkCurrent(b *testing.B) {
	b.Run("entered=0", func(b *testing.B) {
		for b.Loop() {
			Current()
		}
	})
	b.Run("entered=1", func(b *testing.B) {
		Enter(nopParker{})
		defer Exit()
		for b.Loop() {
			Current()
		}
	})
}

type nopParker struct{ Parker }
