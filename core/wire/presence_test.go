package wire

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGroupRoundTrip(t *testing.T) {
	for _, name := range []string{"", "chat", "日本語"} {
		join, leave := oneFrame(t, AppendJoinGroup(nil, name)), oneFrame(t, AppendLeaveGroup(nil, name))
		require.Equal(t, KindJoinGroup, join.Kind)
		require.Equal(t, KindLeaveGroup, leave.Kind)
		for _, f := range []Frame{join, leave} {
			got, err := ParseName(f.Body)
			require.NoError(t, err)
			require.Equal(t, name, string(got))
		}
	}
}

func TestJoinedAndLeftHaveOneBody(t *testing.T) {
	p := &Presence{"ada", []string{"chat", "dev"}, "127.0.0.1:1"}
	joined, left := oneFrame(t, AppendJoined(nil, p)), oneFrame(t, AppendLeft(nil, p))
	require.Equal(t, KindJoined, joined.Kind)
	require.Equal(t, KindLeft, left.Kind)
	require.Equal(t, joined.Body, left.Body)
	got, err := ParsePresence(left.Body, nil)
	require.NoError(t, err)
	clear(left.Body)
	require.Equal(t, p, got, "does not refer to the body")
}

// A count is believed only as far as there are bytes for it.
func TestPresenceCountIsCheckedFirst(t *testing.T) {
	body := []byte("\x01a")
	body = appendUvarint(body, 1<<40)
	body = append(body, make([]byte, 100)...)
	off := &Limits{MaxGroups: -1}
	_, err := ParsePresence(body, off)
	require.EqualError(t, err, "wire: joined or left: groups: 1099511627776 announced, 100 B left")

	// A group takes at least two bytes.
	_, err = ParsePresence([]byte("\x01a\x02\x01b\x00"), off)
	require.EqualError(t, err, "wire: joined or left: groups: 2 announced, 3 B left")
}

func TestRenameRoundTrip(t *testing.T) {
	for _, name := range []string{"", "ada", "日本語"} {
		f := oneFrame(t, AppendRename(nil, name))
		require.Equal(t, KindRename, f.Kind)
		got, err := ParseName(f.Body)
		require.NoError(t, err)
		require.Equal(t, name, string(got))
	}
}

func TestRenamedRoundTrip(t *testing.T) {
	for _, old := range []string{"", "ada"} {
		f := oneFrame(t, AppendRenamed(nil, old, "grace", "127.0.0.1:1"))
		require.Equal(t, KindRenamed, f.Kind)
		was, name, addr, err := ParseRenamed(f.Body, nil)
		require.NoError(t, err)
		clear(f.Body)
		require.Equal(t, []string{old, "grace", "127.0.0.1:1"}, []string{was, name, addr}, "does not refer to the body")
	}
}
