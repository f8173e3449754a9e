package httppoll

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// listed is a profile whose answers hold all payments.
func listed() Config {
	cfg := steady()
	cfg.URL, cfg.Status = "https://api.psp.test/v1/payments", ""
	cfg.List = List{Items: "body.data"}
	return cfg
}

func TestOneListFeedsManyTrackers(t *testing.T) {
	bubble(t, listed(), func(r *rig) {
		r.api.set("a", "processing")
		r.api.set("b", "succeeded")
		var a, b, again, none *watching
		r.meanwhile(func() { a, b, again, none = r.watch("a"), r.watch("b"), r.watch("a"), r.watch("none") })
		r.passes(0)
		r.wantCalls(1)
		a.want("pending processing")
		again.want("pending processing")
		b.want("confirmed succeeded")
		none.want() // it may be in another part of the list
		if none.Checks().Last.IsZero() {
			t.Error("the list was looked at and no check is told")
		}
		b.Close()
		again.Close()
		r.api.set("a", "failed")
		r.passes(5 * time.Second)
		r.wantCalls(1)
		a.want("failed failed")
		a.Close()
		none.Close()
		r.passes(time.Hour)
		r.wantCalls(0)
		if n := r.src.Health().Watched; n != 0 || len(r.src.pages) != 0 {
			t.Errorf("%d watched, %d pages", n, len(r.src.pages))
		}
	})
}

func TestWhatACompleteListDoesNotHaveIsLookedForInVain(t *testing.T) {
	cfg := listed()
	cfg.List.Complete = true
	bubble(t, cfg, func(r *rig) {
		r.api.set("a", "processing")
		var a, none *watching
		r.meanwhile(func() { a, none = r.watch("a"), r.watch("none") })
		r.passes(5 * time.Second)
		a.want("pending processing")
		none.want("absent", "absent")
	})
}

func TestHoweverManyJoinAListItIsAskedNoMoreOftenThanTheFirstInterval(t *testing.T) {
	bubble(t, listed(), func(r *rig) {
		for i := range 100 {
			r.api.set(fmt.Sprint(i), "processing")
			w := r.watch(fmt.Sprint(i))
			r.passes(100 * time.Millisecond)
			defer w.want("pending processing")
		}
		r.passes(5 * time.Second)
		if calls := r.api.take(); calls < 3 || calls > 4 {
			t.Errorf("%d calls in 15 s, want one every 5 s", calls)
		}
	})
}

// Who joins while a list is under way, or after it was last read, must not be told "as before".
func TestWhoJoinsAListIsNotKeptWaitingByItsTag(t *testing.T) {
	bubble(t, listed(), func(r *rig) {
		r.api.set("a", "processing")
		r.api.set("b", "processing")
		r.api.misbehave(func(w http.ResponseWriter, req *http.Request) bool {
			if req.Header.Get("If-None-Match") == `"v1"` {
				w.WriteHeader(http.StatusNotModified)
				return true
			}
			w.Header().Set("Etag", `"v1"`)
			takes(time.Second)
			return false
		})
		a := r.watch("a")
		r.passes(2 * time.Second)
		a.want("pending processing")
		b := r.watch("b")
		r.passes(5 * time.Second)
		b.want("pending processing")
		a.Refresh()
		r.passes(time.Second)
		a.want("pending")
		r.wantCalls(3)
	})
}

func TestAnItemThatMakesNoSenseIsLeftOut(t *testing.T) {
	bubble(t, listed(), func(r *rig) {
		r.api.misbehave(says(`{"data":[7, {"id":1,"status":"processing"}, {"id":2}, {"id":"a","status":"succeeded"}, {"id":"a","status":"failed"}]}`))
		var a, one, two *watching
		r.meanwhile(func() { a, one, two = r.watch("a"), r.watch("1"), r.watch("2") })
		r.passes(0)
		a.want("confirmed succeeded")
		one.want("pending processing")
		two.want()
		h := r.wantDegraded(false)
		if h.Error == "" {
			t.Error("nobody is told of the bad items")
		}
		r.api.misbehave(says(`{"data":{}}`))
		r.passes(time.Minute)
		r.wantDegraded(true)
		r.api.misbehave(answers(http.StatusNotFound))
		r.passes(time.Hour)
		r.wantDegraded(true)
		one.want()
	})
}
