package classic

import (
	"testing"

	"github.com/hisock/hisock/core/wire"
	"github.com/stretchr/testify/require"
)

func TestAppendNotice(t *testing.T) {
	bob := Presence{IP: "127.0.0.1", Port: 45362, Name: LabelOf("bob"), Group: LabelOf("red")}
	require.Equal(t, `before69              $CLTCONN$ {"ip": ["127.0.0.1", 45362], "name": "bob", "group": "red"}`,
		string(AppendConnected([]byte("before"), 0, bob)))
	require.Equal(t, `before72    $CLTDISCONN$ {"ip": ["127.0.0.1", 45362], "name": "bob", "group": "red"}`,
		string(AppendDisconnected([]byte("before"), 6, bob)))
	require.Equal(t, `52    $CLTCONN$ {"ip": ["", 0], "name": null, "group": ""}`,
		string(AppendConnected(nil, 6, Presence{Group: LabelOf("")})))
	require.Equal(t, `68    $CLTCONN$ {"ip": ["\"\u00e9\\", 65535], "name": "\n", "group": null}`,
		string(AppendConnected(nil, 6, Presence{IP: `"é\`, Port: 65535, Name: LabelOf("\n")})))
}

func TestParseNotice(t *testing.T) {
	bob := Presence{IP: "127.0.0.1", Port: 45362, Name: LabelOf("bob"), Group: LabelOf("red")}
	tests := map[string]struct {
		payload string
		came    bool
		want    Presence
	}{
		"came":             {`$CLTCONN$ {"ip": ["127.0.0.1", 45362], "name": "bob", "group": "red"}`, true, bob},
		"went":             {`$CLTDISCONN$ {"ip": ["127.0.0.1", 45362], "name": "bob", "group": "red"}`, false, bob},
		"space everywhere": {"$CLTCONN$\t{ \"ip\" :[ \"127.0.0.1\"\n,\r45362\t] , \"name\": \"bob\",\"group\":\"red\" }\n", true, bob},
		"a later release's": {
			`$CLTCONN${"ip": ["127.0.0.1", 45362], "name": "bob", "group": "red", "ipstr": "127.0.0.1:45362"}`, true, bob,
		},
		"other order": {`$CLTDISCONN$ {"group": "red", "name": "bob", "ip": ["127.0.0.1", 45362]}`, false, bob},
		"null":        {`$CLTCONN$ {"ip": ["::1", 0], "name": null, "group": null}`, true, Presence{IP: "::1"}},
		"empty texts": {
			`$CLTCONN$ {"ip": ["", 65535], "name": "", "group": ""}`, true,
			Presence{Port: 65535, Name: LabelOf(""), Group: LabelOf("")},
		},
		"numbers": {
			`$CLTCONN$ {"ip": ["9.9.9.9", 9], "name": 7, "group": false}`, true,
			Presence{IP: "9.9.9.9", Port: 9, Name: LabelOf("7"), Group: LabelOf("false")},
		},
		"escapes": {
			`$CLTCONN$ {"ip": ["\u0031,]\"", 9], "name": "\ud83e\udd8a", "group": null}`, true,
			Presence{IP: `1,]"`, Port: 9, Name: LabelOf("🦊")},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			p, came, ok, err := ParseNotice([]byte(tc.payload))
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, tc.came, came)
			require.Equal(t, tc.want, p)
		})
	}
}

func TestParseNoticeOfSomethingElse(t *testing.T) {
	for _, payload := range []string{
		"", "$CLTCONN", "$CLTDISCONN", "$CLTconn$ {}", " $CLTCONN$ {}", "note $CLTCONN$ {}", "$NOTLS$",
		`$CLTHELLO$ {"name": null, "group": null}`,
	} {
		p, came, ok, err := ParseNotice([]byte(payload))
		require.NoError(t, err, payload)
		require.False(t, ok, payload)
		require.False(t, came, payload)
		require.Zero(t, p, payload)
	}
}

func TestParseNoticeFaults(t *testing.T) {
	addr := func(ip string) string { return `{"ip": ` + ip + `, "name": null, "group": null}` }
	tests := map[string]struct {
		rest string
		code wire.Code
	}{
		"nothing":            {"", wire.CodeProtocol},
		"space":              {" ", wire.CodeProtocol},
		"text":               {" hello", wire.CodeProtocol},
		"cut short":          {` {"ip": ["127.0.0.1", 4`, wire.CodeProtocol},
		"no ip":              {`{"name": null, "group": null}`, wire.CodeProtocol},
		"no name":            {`{"ip": ["", 0], "group": null}`, wire.CodeProtocol},
		"no group":           {`{"ip": ["", 0], "name": null}`, wire.CodeProtocol},
		"name is an object":  {`{"ip": ["", 0], "name": {}, "group": null}`, wire.CodeBadName},
		"group is an array":  {`{"ip": ["", 0], "name": null, "group": [1]}`, wire.CodeBadName},
		"ip is null":         {addr(`null`), wire.CodeProtocol},
		"ip is a text":       {addr(`"127.0.0.1:80"`), wire.CodeProtocol},
		"ip is an object":    {addr(`{"a": 1}`), wire.CodeProtocol},
		"ip is empty":        {addr(`[]`), wire.CodeProtocol},
		"ip has no port":     {addr(`["127.0.0.1"]`), wire.CodeProtocol},
		"ip has three parts": {addr(`["127.0.0.1", 80, 0]`), wire.CodeProtocol},
		"address no text":    {addr(`[127, 80]`), wire.CodeProtocol},
		"address an array":   {addr(`[["127.0.0.1"], 80]`), wire.CodeProtocol},
		"port a text":        {addr(`["127.0.0.1", "80"]`), wire.CodeProtocol},
		"port null":          {addr(`["127.0.0.1", null]`), wire.CodeProtocol},
		"port negative":      {addr(`["127.0.0.1", -1]`), wire.CodeProtocol},
		"port over 65535":    {addr(`["127.0.0.1", 65536]`), wire.CodeProtocol},
		"port over 64 bits":  {addr(`["127.0.0.1", 18446744073709551617]`), wire.CodeProtocol},
		"port a fraction":    {addr(`["127.0.0.1", 80.0]`), wire.CodeProtocol},
		"port an exponent":   {addr(`["127.0.0.1", 8e1]`), wire.CodeProtocol},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			for _, mark := range []string{markConnected, markDisconnected} {
				p, came, ok, err := ParseNotice([]byte(mark + tc.rest))
				requireCode(t, tc.code, err)
				require.True(t, ok, "its marker makes it a notice all the same")
				require.Equal(t, mark == markConnected, came)
				require.Zero(t, p)
			}
		})
	}
}
