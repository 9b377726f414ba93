//go:build !js

package python_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

// Authorize is asked about a client of the original like about any other, with empty Auth.
func TestAuthorize(t *testing.T) {
	var asked kept[string]
	opts := &core.ServerOptions{Access: core.Access{Authorize: func(_ context.Context, a *core.Admission) error {
		asked.Add(fmt.Sprint(a.Asked, a.Groups, len(a.Auth), a.Classic))
		if a.Name == "ada" {
			a.Groups = nil
			return nil
		}
		return errors.New("no")
	}}}
	inWorld(t, opts, func(w *world) {
		w.serve()
		ada, bob := w.knock(), w.knock()
		ada.send(oldFrames(`{"name": "ada", "group": "chat"}`))
		synctest.Wait()
		bob.send(oldFrames(`{"name": "bob", "group": null}`))
		synctest.Wait()
		require.Equal(t, []string{"ada[chat] 0 true", "bob[] 0 true"}, asked.All())
		require.Equal(t, []string{"ada"}, w.srv.Names())
		require.Empty(t, w.srv.Groups())
	})
}
