package web

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// codeNames are the names of the codes in JavaScript. They are part of the API: a name never
// changes, and each new code gets one.
var codeNames = [...]string{
	wire.CodeInternal:         "internal",
	wire.CodeCanceled:         "canceled",
	wire.CodeDeadlineExceeded: "deadline_exceeded",
	wire.CodeUnknownCommand:   "unknown_command",
	wire.CodeBadPayload:       "bad_payload",
	wire.CodeBadName:          "bad_name",
	wire.CodeTooBig:           "too_big",
	wire.CodeProtocol:         "protocol",
	wire.CodeVersion:          "version",
	wire.CodeNotNative:        "not_native",
	wire.CodeHelloTimeout:     "hello_timeout",
	wire.CodeTooManyConns:     "too_many_conns",
	wire.CodeNameTaken:        "name_taken",
	wire.CodeSlowConsumer:     "slow_consumer",
	wire.CodeHeartbeat:        "heartbeat",
	wire.CodeShutdown:         "shutdown",
	wire.CodeClosed:           "closed",
	wire.CodeUnauthorized:     "unauthorized",
	wire.CodeUnknownClient:    "unknown_client",
	wire.CodeAmbiguousName:    "ambiguous_name",
	wire.CodeUnknownGroup:     "unknown_group",
	wire.CodeTooManyGroups:    "too_many_groups",
	wire.CodeTooManyCalls:     "too_many_calls",
	wire.CodeRateLimit:        "rate_limit",
	wire.CodeUnsupported:      "unsupported",
	wire.CodeWriteTimeout:     "write_timeout",
	wire.CodeNotConnected:     "not_connected",
	wire.CodeConnLost:         "conn_lost",
	wire.CodeIdle:             "idle",
	wire.CodeReplaced:         "replaced",
	wire.CodeUnavailable:      "unavailable",
	wire.CodeOverloaded:       "overloaded",
	wire.CodeSessionOver:      "session_over",
	wire.CodeQueueFull:        "queue_full",
	wire.CodeDeadlock:         "deadlock",
	wire.CodeNotFound:         "not_found",
}

func TestEveryCodeHasItsOwnName(t *testing.T) {
	seen := make(map[string]bool)
	for code := wire.CodeNone + 1; !strings.HasPrefix(code.String(), "code "); code++ {
		require.Less(t, int(code), len(codeNames), "code %d, %q, has no name", code, code)
		name := codeNames[code]
		require.NotEmpty(t, name, "code %d, %q, has no name", code, code)
		require.False(t, seen[name], "two codes are called %q", name)
		seen[name] = true
	}
	require.Len(t, codeNames, len(seen)+1, "a name without a code")
}

// errors.js has the names in the order of the codes.
func TestScriptHasTheNames(t *testing.T) {
	require.Equal(t, codeNames[1:], namesIn(t, "errors.js", `(?s)const names = \[(.*?)\];`))
}

// The typings list the names: a TypeScript program can compare a code with them.
func TestTypingsListTheNames(t *testing.T) {
	listed, want := namesIn(t, "failures.d.ts", `(?s)export type PeerErrorCode =(.*?);`), slices.Clone(codeNames[1:])
	slices.Sort(listed)
	slices.Sort(want)
	require.Equal(t, want, listed)
}

// namesIn returns the quoted names in a part of a file.
func namesIn(t *testing.T, file, part string) (names []string) {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	found := regexp.MustCompile(part).FindSubmatch(text)
	require.NotNil(t, found, "%s has no %s", file, part)
	for _, m := range regexp.MustCompile(`"([a-z_]+)"`).FindAllSubmatch(found[1], -1) {
		names = append(names, string(m[1]))
	}
	return names
}
