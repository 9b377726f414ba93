//go:build !js

package core_test

import (
	"context"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

// uniqueNames makes names unique in the cluster.
func uniqueNames(_ int, o *core.ServerOptions) {
	o.Access.UniqueNames = true
	o.Access.Authorize = byUser
	o.Access.AuthorizeName = func(context.Context, *core.Conn, string) error { return nil }
}

// tries connects a client and returns the code of the error.
func (s *clusterScene) tries(n *clusterNode, name, user string) (core.Code, *clusterClient) {
	c := s.client(n, name, user)
	err := c.Connect(context.Background())
	synctest.Wait()
	return core.CodeOf(err), c
}

func TestNamesAreUniqueInTheCluster(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 3, options: uniqueNames}, func(t *testing.T, s *clusterScene) {
		ada := s.join(s.nodes[0], "Ada")
		for _, n := range s.nodes {
			code, _ := s.tries(n, "ada", "")
			require.Equal(t, core.CodeNameTaken.String(), code.String())
		}
		bob := s.join(s.nodes[1], "bob")
		require.Equal(t, core.CodeNameTaken, core.CodeOf(bob.Rename(t.Context(), "ADA")))
		require.NoError(t, ada.Close())
		s.pass(time.Second)
		cy := s.join(s.nodes[2], "ada")
		require.Equal(t, core.CodeNameTaken, core.CodeOf(bob.Rename(t.Context(), "ada")))
		conn, err := s.nodes[2].srv.Client("ada")
		require.NoError(t, err)
		require.NoError(t, conn.Rename(t.Context(), "cy"))
		s.pass(time.Second)
		conn, err = s.nodes[1].srv.Client("bob")
		require.NoError(t, err)
		require.NoError(t, conn.Rename(t.Context(), "ada"))
		s.pass(time.Second)
		require.Equal(t, 2, s.broker.Claims())
		require.NoError(t, cy.Close())
		require.NoError(t, bob.Close())
		s.pass(time.Second)
		require.Zero(t, s.broker.Claims(), "nothing is left")
	})
}

// A unique name is looked up at the node that has it, whether the others answer or not.
func TestUniqueNameIsFoundAtOnce(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 3, options: uniqueNames}, func(t *testing.T, s *clusterScene) {
		ada := s.join(s.nodes[1], "ada")
		s.nodes[2].way.Cut()
		s.pass(100 * time.Millisecond)
		cl := s.nodes[0].srv.Cluster()
		far, err := cl.Client(t.Context(), "ada")
		require.NoError(t, err)
		require.NoError(t, far.Send("say", "hi"))
		s.wants("say hi", ada)
		_, err = cl.Client(t.Context(), "nobody")
		require.Equal(t, core.CodeUnknownClient, core.CodeOf(err))
		_, err = cl.Client(t.Context(), "Ada")
		require.Equal(t, core.CodeUnknownClient, core.CodeOf(err), "the client is called ada")
	})
}

func TestNameFoughtOver(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 3, options: uniqueNames}, func(t *testing.T, s *clusterScene) {
		for round := range 20 {
			name := "n" + strconv.Itoa(round)
			errs := make(chan error, 6)
			var all []*clusterClient
			for i := range 6 {
				c := s.client(s.nodes[i%3], name, "")
				all = append(all, c)
				go func() { errs <- c.Connect(context.Background()) }()
			}
			in := 0
			for range all {
				switch err := <-errs; core.CodeOf(err) {
				case core.CodeNone:
					in++
				case core.CodeNameTaken:
				default:
					require.NoError(t, err)
				}
			}
			require.Equal(t, 1, in)
			for _, c := range all {
				c.Close() //nolint:errcheck // most were refused
			}
		}
		s.pass(5 * time.Second)
		require.Zero(t, s.broker.Claims())
	})
}

// A node that is cut off hands out no names, not even names that it has: another node may have them by now.
func TestNoNamesWithoutTheRelay(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 2, options: uniqueNames}, func(t *testing.T, s *clusterScene) {
		a := s.nodes[0]
		s.join(a, "ada")
		a.way.Cut()
		s.pass(100 * time.Millisecond)
		c := s.client(a, "bob", "")
		err := c.Connect(context.Background())
		require.Equal(t, core.CodeUnavailable, core.CodeOf(err))
		var e *core.Error
		require.ErrorAs(t, err, &e)
		require.NotZero(t, e.RetryAfter)
		s.join(a, "") // it needs none
		code, _ := s.tries(a, "ada", "")
		require.Equal(t, core.CodeUnavailable.String(), code.String())
		a.way.Mend()
		s.pass(time.Second)
		s.join(a, "bob")
		code, _ = s.tries(a, "ada", "")
		require.Equal(t, core.CodeNameTaken.String(), code.String())
	})
}

// A node that is cut off for longer than its lease gives its client's name to no newcomer after that client has left: another node has given it away.
func TestNoNameOfAClientThatLeftWithoutTheRelay(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 2, options: uniqueNames}, func(t *testing.T, s *clusterScene) {
		a, b := s.nodes[0], s.nodes[1]
		ada := s.join(a, "ada")
		a.way.Cut()
		s.pass(10 * time.Second)
		there := s.join(b, "ada")
		require.NoError(t, ada.Close())
		s.pass(time.Second)
		code, _ := s.tries(a, "ada", "")
		require.Equal(t, core.CodeUnavailable.String(), code.String())
		a.way.Mend()
		s.pass(5 * time.Second)
		code, _ = s.tries(a, "ada", "")
		require.Equal(t, core.CodeNameTaken.String(), code.String())
		require.NoError(t, there.Err())
		require.Equal(t, 1, s.broker.Claims())
	})
}

// The names of a node that died are free when its lease is over, and nobody is told meanwhile that they are taken.
func TestNamesOfADeadNode(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 2, options: uniqueNames}, func(t *testing.T, s *clusterScene) {
		s.join(s.nodes[0], "ada")
		s.nodes[0].way.Kill()
		s.pass(100 * time.Millisecond)
		begun := time.Now()
		code, _ := s.tries(s.nodes[1], "ada", "")
		require.Equal(t, core.CodeNone.String(), code.String())
		require.Less(t, time.Since(begun), 10*time.Second)
	})
}

// A node that was cut off for longer than its lease gives way to those who have taken its names meanwhile.
func TestNamesAfterALongCut(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 2, options: uniqueNames}, func(t *testing.T, s *clusterScene) {
		a, b := s.nodes[0], s.nodes[1]
		ada, bob := s.join(a, "ada"), s.join(a, "bob")
		a.way.Cut()
		s.pass(10 * time.Second)
		there := s.join(b, "ada")
		a.way.Mend()
		s.pass(5 * time.Second)
		require.Equal(t, core.CodeReplaced.String(), core.CodeOf(ada.Err()).String())
		require.NoError(t, bob.Err())
		require.NoError(t, there.Err())
		require.Equal(t, 2, s.broker.Claims())
		code, _ := s.tries(b, "bob", "")
		require.Equal(t, core.CodeNameTaken, code, "it was claimed again")
		a.way.Expire() // as if the process had been frozen
		s.pass(5 * time.Second)
		require.Equal(t, 2, s.broker.Claims())
		require.NoError(t, bob.Err())
	})
}

func TestReplacedByAnotherNode(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 2, options: func(i int, o *core.ServerOptions) {
		uniqueNames(i, o)
		o.Access.NameConflict = core.ConflictReplace
	}}, func(t *testing.T, s *clusterScene) {
		old := s.joinAs(s.nodes[0], "ada", "u1")
		s.joinAs(s.nodes[1], "ada", "u2")
		s.pass(time.Second)
		require.Equal(t, core.CodeReplaced.String(), core.CodeOf(old.Err()).String())
		require.Equal(t, 1, s.broker.Claims())
	})
}

func TestConnsOfAUserInTheCluster(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 3, options: func(_ int, o *core.ServerOptions) {
		o.Limits.MaxConnsPerUser = 3
		o.Access.Authorize = byUser
	}}, func(t *testing.T, s *clusterScene) {
		first := s.joinAs(s.nodes[0], "", "u")
		s.joinAs(s.nodes[0], "", "u")
		s.joinAs(s.nodes[1], "", "u")
		for _, n := range s.nodes {
			code, _ := s.tries(n, "", "u")
			require.Equal(t, core.CodeTooManyConns.String(), code.String())
		}
		s.joinAs(s.nodes[1], "", "other")
		require.NoError(t, first.Close())
		s.pass(time.Second)
		s.joinAs(s.nodes[2], "", "u")
		code, _ := s.tries(s.nodes[0], "", "u")
		require.Equal(t, core.CodeTooManyConns.String(), code.String())
		require.Equal(t, 4, s.broker.Claims())
	})
}

// Many connections of one user come at once at all nodes: as many get in as may.
func TestPlacesFoughtOver(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 3, options: func(_ int, o *core.ServerOptions) {
		o.Limits.MaxConnsPerUser = 4
		o.Access.Authorize = byUser
	}}, func(t *testing.T, s *clusterScene) {
		errs := make(chan error, 12)
		for i := range 12 {
			c := s.client(s.nodes[i%3], "", "u")
			go func() { errs <- c.Connect(context.Background()) }()
		}
		in := 0
		for range 12 {
			switch err := <-errs; core.CodeOf(err) {
			case core.CodeNone:
				in++
			case core.CodeTooManyConns:
			default:
				require.NoError(t, err)
			}
		}
		require.Equal(t, 4, in)
		s.pass(5 * time.Second)
		require.Equal(t, 4, s.broker.Claims())
	})
}
