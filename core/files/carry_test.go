//go:build !js

package files

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

func TestUploadAndDownload(t *testing.T) {
	for name, size := range map[string]int{
		"nothing": 0, "a byte": 1, "a chunk": bufferSize - lengthSize, "a chunk and a byte": bufferSize - lengthSize + 1,
		"much": 3<<20 + 17,
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			content := bytesOf(size, 1)
			got, err := Upload(t.Context(), s.client, "upload", "f", fileOf(t, content), nil)
			require.NoError(t, err)
			isOf(t, got, content)
			s.has("f", content)

			dir := t.TempDir()
			to, err := Create(filepath.Join(dir, "mine"))
			require.NoError(t, err)
			got, err = Download(t.Context(), s.client, "download", "f", to, nil)
			require.NoError(t, err)
			require.NoError(t, to.Close())
			isOf(t, got, content)
			hasOnly(t, dir, "mine", content)
		})
	}
}

// A server may open an upload, too.
func TestServerUploads(t *testing.T) {
	s := newScene(t)
	var got bytes.Buffer
	<-s.joined
	cl, err := core.NewClient(s, &core.ClientOptions{Logger: core.Silent})
	require.NoError(t, err)
	core.HandleByteStream(cl, "take", func(ctx context.Context, _ *core.Conn, _ struct{}, b *core.ByteStream) error {
		_, err := Receive(ctx, b, NewTarget(&got), nil)
		return err
	})
	require.NoError(t, cl.Connect(t.Context()))
	defer cl.Close()
	content := bytesOf(200_000, 1)
	from, err := NewSource(bytes.NewReader(content), -1)
	require.NoError(t, err)
	receipt, err := Upload(t.Context(), <-s.joined, "take", nil, from, nil)
	require.NoError(t, err)
	isOf(t, receipt, content)
	require.True(t, bytes.Equal(content, got.Bytes()))
}

func TestClientStartsAgain(t *testing.T) {
	const size = 4 << 20
	content := bytesOf(size, 1)
	t.Run("upload", func(t *testing.T) {
		s := newScene(t)
		cut := errors.New("pressed")
		from, err := NewSource(&failing{r: bytes.NewReader(content), after: size / 2, then: func() error { return cut }}, -1)
		require.NoError(t, err)
		_, err = Upload(t.Context(), s.client, "upload", "f", from, nil)
		require.ErrorIs(t, err, cut)
		require.Error(t, <-s.received)

		got, err := Upload(t.Context(), s.join(), "upload", "f", fileOf(t, content), nil)
		require.NoError(t, err)
		isOf(t, got, content)
		require.Positive(t, got.From)
		require.LessOrEqual(t, got.From, int64(size/2+bufferSize)) // the read that passed the half may have had more
		s.has("f", content)
	})
	t.Run("download", func(t *testing.T) {
		s := newScene(t)
		s.put("f", content)
		s.half = make(chan struct{})
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		to, err := Create(filepath.Join(dir, "f"))
		require.NoError(t, err)
		go func() { <-s.half; cancel() }()
		_, err = Download(ctx, s.client, "download", "f", to, nil)
		var e *Error
		require.ErrorAs(t, err, &e)
		require.ErrorIs(t, err, context.Canceled)
		require.Positive(t, e.Done)
		require.EqualValues(t, size, e.Size)
		require.NoError(t, to.Close())
		require.Equal(t, []string{"f.part"}, namesIn(t, dir))

		s.half = nil
		to, err = Create(filepath.Join(dir, "f"))
		require.NoError(t, err)
		defer to.Close()
		got, err := Download(t.Context(), s.join(), "download", "f", to, nil)
		require.NoError(t, err)
		isOf(t, got, content)
		require.Equal(t, e.Done, got.From)
		hasOnly(t, dir, "f", content)
	})
}

func TestServerStartsAgain(t *testing.T) {
	const size = 4 << 20
	content := bytesOf(size, 1)
	t.Run("upload", func(t *testing.T) {
		s := newScene(t)
		again := func() error { s.stop(); s.start(); return nil }
		from, err := NewSource(&failing{r: bytes.NewReader(content), after: size / 2, then: again}, -1)
		require.NoError(t, err)
		got, err := Upload(t.Context(), s.client, "upload", "f", from, nil)
		require.NoError(t, err)
		isOf(t, got, content)
		require.Positive(t, got.From)
		s.has("f", content)
	})
	t.Run("download", func(t *testing.T) {
		s := newScene(t)
		s.put("f", content)
		dir := t.TempDir()
		to, err := Create(filepath.Join(dir, "f"))
		require.NoError(t, err)
		defer to.Close()
		s.half = make(chan struct{})
		go func() {
			<-s.half
			s.stop()
			s.half = nil
			s.start()
		}()
		got, err := Download(t.Context(), s.client, "download", "f", to, nil)
		require.NoError(t, err)
		isOf(t, got, content)
		require.Positive(t, got.From)
		hasOnly(t, dir, "f", content)
	})
}

func TestWhatIsThereIsNotSentAgain(t *testing.T) {
	s := newScene(t)
	content := bytesOf(300_000, 1)
	s.put("f", content)
	got, err := Upload(t.Context(), s.client, "upload", "f", fileOf(t, content), nil)
	require.NoError(t, err)
	isOf(t, got, content)
	require.Equal(t, got.Size, got.From)
	s.has("f", content)

	for name, other := range map[string][]byte{"of the same size": bytesOf(300_000, 2), "longer": bytesOf(300_001, 2)} {
		_, err = Upload(t.Context(), s.client, "upload", "f", fileOf(t, other), nil)
		require.ErrorIs(t, err, core.CodeNameTaken, name)
		require.True(t, core.IsRemote(err))
		s.has("f", content)
	}
}

// A part is gone on with only if it is a beginning of the file.
func TestPartOfSomethingElse(t *testing.T) {
	content := bytesOf(300_000, 1)
	for name, tc := range map[string]struct {
		part []byte
		from int64
	}{
		"the beginning":      {content[:100_000], 100_000},
		"all":                {content, 300_000},
		"another beginning":  {bytesOf(100_000, 2), 0},
		"one byte is other":  {append(bytes.Clone(content[:99_999]), content[99_999]^1), 0},
		"longer than all":    {append(bytes.Clone(content), 0), 0},
		"nothing":            {nil, 0},
		"zeros after a loss": {make([]byte, 200_000), 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.put("f.part", tc.part)
			got, err := Upload(t.Context(), s.client, "upload", "f", fileOf(t, content), nil)
			require.NoError(t, err)
			isOf(t, got, content)
			require.Equal(t, tc.from, got.From)
			s.has("f", content)
		})
	}
}

func TestReaderThatCannotGoBack(t *testing.T) {
	s := newScene(t)
	content := bytesOf(300_000, 1)
	for name, size := range map[string]int64{"unknown": -1, "known": 300_000} {
		s.put(name+".part", content[:100_000])
		from, err := NewSource(io.MultiReader(bytes.NewReader(content)), size)
		require.NoError(t, err)
		got, err := Upload(t.Context(), s.client, "upload", name, from, nil)
		require.NoError(t, err)
		isOf(t, got, content)
		require.Zero(t, got.From)
		require.NoError(t, os.Remove(filepath.Join(s.dir, name)))

		_, err = Upload(t.Context(), s.client, "upload", name, from, nil)
		require.ErrorContains(t, err, "once only")
	}
	require.Empty(t, namesIn(t, s.dir))
}
