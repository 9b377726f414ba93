//go:build !js

package files

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

var testTime = time.Unix(1, 0)

// pipes returns the two ends of a stream in memory.
func pipes() (a, b net.Conn) { return net.Pipe() }

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const steps, step = 100, 10 * time.Millisecond
		content := bytesOf(steps*(bufferSize-lengthSize), 1)
		from, err := NewSource(&slow{bytes.NewReader(content), step}, -1)
		require.NoError(t, err)
		var told [2][]Progress
		var when [2][]time.Time
		opts := func(i int) *Options {
			return &Options{Progress: func(p Progress) {
				told[i] = append(told[i], p)
				when[i] = append(when[i], time.Now())
			}}
		}
		a, b := pipes()
		sent := make(chan error, 1)
		go func() {
			_, err := Send(t.Context(), a, from, opts(0))
			sent <- err
		}()
		_, err = Receive(t.Context(), b, NewTarget(io.Discard), opts(1))
		require.NoError(t, err)
		require.NoError(t, <-sent)
		for i := range told {
			n := len(told[i])
			require.Equal(t, Progress{0, 0, int64(len(content))}, told[i][0])
			require.Equal(t, Progress{0, int64(len(content)), int64(len(content))}, told[i][n-1])
			for k := 1; k < n-1; k++ {
				require.Greater(t, told[i][k].Done, told[i][k-1].Done)
				require.GreaterOrEqual(t, when[i][k].Sub(when[i][k-1]), tellEvery)
			}
			require.Equal(t, steps*int(step/time.Millisecond)/100+2, n)
		}
	})
}

// A slow reader takes step for each read.
type slow struct {
	*bytes.Reader
	step time.Duration
}

func (s *slow) Read(p []byte) (int, error) {
	time.Sleep(s.step)
	return s.Reader.Read(p)
}

func TestErrorText(t *testing.T) {
	why := errors.New("why")
	require.Equal(t, "files: why", (&Error{why, -1, 5}).Error())
	require.Equal(t, "files: after 3 B of 5: why", (&Error{why, 3, 5}).Error())
	require.Equal(t, "files: after 3 B: why", (&Error{why, 3, -1}).Error())
	require.ErrorIs(t, &Error{why, 0, 0}, why)
}

func TestMaxSize(t *testing.T) {
	for name, tc := range map[string]struct {
		opts *Options
		want int64
	}{
		"nil":      {nil, 1 << 30},
		"zero":     {&Options{}, 1 << 30},
		"given":    {&Options{MaxSize: 5}, 5},
		"no bound": {&Options{MaxSize: -1}, -1},
	} {
		o := tc.opts.resolved()
		require.Equal(t, tc.want, o.MaxSize, name)
	}
	s := newScene(t)
	s.most = 99
	_, err := Upload(t.Context(), s.client, "upload", "f", fileOf(t, make([]byte, 100)), nil)
	require.ErrorIs(t, err, core.CodeTooBig)
	require.True(t, core.IsRemote(err))
	require.Empty(t, namesIn(t, s.dir))
}

// A client that has ended does not try again.
func TestClientHasEnded(t *testing.T) {
	s := newScene(t)
	require.NoError(t, s.client.Close())
	<-s.client.Done()
	_, err := Upload(context.Background(), s.client, "upload", "f", fileOf(t, nil), nil)
	require.Error(t, err)
}

func BenchmarkUpload(b *testing.B) {
	const size = 64 << 20
	content := bytesOf(size, 1)
	b.SetBytes(size)
	for b.Loop() {
		s, c := pipes()
		from, err := NewSource(bytes.NewReader(content), -1)
		require.NoError(b, err)
		go Send(b.Context(), s, from, nil) //nolint:errcheck // Receive returns the error
		_, err = Receive(b.Context(), c, NewTarget(io.Discard), nil)
		require.NoError(b, err)
	}
}
