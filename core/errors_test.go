package core

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// errors.Is finds the code of an error through any wrapping.
func TestErrorsIsACode(t *testing.T) {
	err := fmt.Errorf("join: %w", remoteError(CodeShutdown, "for good", 0))
	require.ErrorIs(t, err, CodeShutdown)
	require.NotErrorIs(t, err, CodeClosed)
	require.NotErrorIs(t, err, Code(1234))
	require.NotErrorIs(t, err, &Error{Code: CodeShutdown}, "an Error is no pattern")
	require.ErrorIs(t, fmt.Errorf("no: %w", Code(1234)), Code(1234), "a code is an error by itself")
	require.ErrorIs(t, &wire.Error{Code: wire.CodeTooBig}, CodeTooBig)
	require.EqualError(t, CodeNameTaken, "name taken")
}

func TestTextForPeople(t *testing.T) {
	tests := map[string]struct {
		err  error
		want string
	}{
		"none":                 {nil, ""},
		"of the peer":          {remoteError(CodeApplication, "no seat is free", 0), "no seat is free"},
		"wrapped":              {fmt.Errorf("join: %w", remoteError(CodeUnauthorized, "wrong token", 0)), "wrong token"},
		"without a message":    {NewError(CodeRateLimit, ""), "rate limit exceeded"},
		"a cause":              {wrapError(CodeConnLost, "", errors.New("read tcp 10.0.0.1: reset")), "connection lost"},
		"a secret":             {&Error{Code: CodeUnavailable, Message: "m", cause: errors.New("token 1234"), secret: true}, "unavailable"},
		"control characters":   {NewError(CodeApplication, "a\nb"), `"a\nb"`},
		"a code":               {CodeNameTaken, "name taken"},
		"a context":            {fmt.Errorf("call: %w", context.DeadlineExceeded), "deadline exceeded"},
		"of another package":   {errors.New("disk full"), "disk full"},
		"nil as an error":      {(*Error)(nil), "an error that does not say what it is"},
		"a code of no meaning": {NewError(1234, ""), "code 1234"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) { require.Equal(t, tc.want, Text(tc.err)) })
	}
}

// A code can be returned wherever an Error can: by handlers and by authorizers.
func TestACodeIsAnAnswer(t *testing.T) {
	const codeFull = CodeApplication + 7
	opts := &ServerOptions{Access: Access{
		Authorize: func(_ context.Context, a *Admission) error {
			if a.Name == "eve" {
				return fmt.Errorf("not eve: %w", codeFull)
			}
			return nil
		},
		AuthorizeGroup: func(context.Context, *Conn, string) error { return CodeTooManyGroups },
	}}
	inWorld(t, opts, func(w *world) {
		w.srv.HandleBytes("fail", func(context.Context, *Conn, []byte) ([]byte, error) { return nil, codeFull })
		w.serve()
		require.ErrorIs(t, w.client("eve").Connect(w.ctx), codeFull)
		ada := w.client("ada")
		w.join(ada)
		require.ErrorIs(t, ada.Join(w.ctx, "red"), CodeTooManyGroups)
		_, err := ada.CallBytes(w.ctx, "fail", nil)
		require.ErrorIs(t, err, codeFull)
		require.True(t, IsRemote(err))
	})
}

func TestErrors(t *testing.T) {
	require.Equal(t, CodeNone, CodeOf(nil))
	require.Equal(t, CodeInternal, CodeOf(errors.New("x")))
	require.Equal(t, CodeCanceled, CodeOf(context.Canceled))
	require.Equal(t, CodeDeadlineExceeded, CodeOf(context.DeadlineExceeded))
	err := error(wrapError(CodeConnLost, "gone", errors.New("read tcp: reset\n")))
	require.Equal(t, `hisock: connection lost: gone: "read tcp: reset\n"`, err.Error())
	require.ErrorIs(t, err, CodeConnLost)
	require.NotErrorIs(t, err, CodeClosed)
	require.Equal(t, `hisock: peer: shutting down: "a\x1bb"`, remoteError(CodeShutdown, "a\x1bb", 0).Error())
	require.Equal(t, "hisock: code 1234: é", NewError(1234, "é").Error())
}
