package asyncio

import (
	"context"
	"testing"

	"github.com/quartet-go/quartet/internal/park"
)

type poster interface {
	Post(call, dropped func()) bool
}

func TestPost(t *testing.T) {
	for _, e := range []Engine{EnginePull, EngineHandoff} {
		t.Run(e.String(), func(t *testing.T) {
			l := NewLoop(&LoopOptions{Engine: e})
			defer l.Close()
			var home poster
			var said []string
			say := func(s string) func() { return func() { said = append(said, s) } }
			_, err := RunUntilComplete(t.Context(), l, Coro0(func(ctx context.Context) (int, error) {
				home = park.Current().(poster)
				posted := make(chan bool)
				go func() {
					posted <- home.Post(func() {
						if here, err := RunningLoop(); here != l || err != nil {
							t.Errorf("RunningLoop() in a visit = %v, %v", here, err)
						}
						say("called")()
					}, say("dropped early"))
				}()
				if taken, _, err := Receive(ctx, posted); !taken || err != nil {
					t.Errorf("Post = %v, %v", taken, err)
				}
				if err := Sleep(ctx, 0); err != nil { // the visit has its turn
					return 0, err
				}
				home.Post(say("called late"), say("dropped"))
				return 0, nil
			}))
			if err != nil {
				t.Fatal(err)
			}
			if len(said) != 2 || said[0] != "called" || said[1] != "dropped" && said[1] != "called late" {
				t.Errorf("said %q", said)
			}
			if home.Post(say("never"), say("never")) {
				t.Error("Post on a loop that stands still was taken")
			}
		})
	}
}
