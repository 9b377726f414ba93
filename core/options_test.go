//go:build !js

package core

import (
	"context"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/budget"
)

// optionsNamed returns the options that err names, with the reasons.
func optionsNamed(err error) (all []string) {
	list, _ := err.(interface{ Unwrap() []error })
	if list == nil {
		return nil
	}
	for _, err := range list.Unwrap() {
		var e *OptionError
		if errors.As(err, &e) {
			all = append(all, e.Option+" = "+e.Value+": "+e.Rule)
		}
	}
	return all
}

func TestServerOptionsThatCannotBe(t *testing.T) {
	tests := map[string]struct {
		opts ServerOptions
		want []string
	}{
		"hello too large":      {ServerOptions{Limits: Limits{MaxHello: 16<<10 + 1}}, []string{"Limits.MaxHello = 16385: it must be at most 16384"}},
		"hello too small":      {ServerOptions{Limits: Limits{MaxHello: 31}}, []string{"Limits.MaxHello = 31: it must be at least 32, or 0 for the default"}},
		"hello off":            {ServerOptions{Limits: Limits{MaxHello: -1}}, []string{"Limits.MaxHello = -1: it must be at least 32, or 0 for the default"}},
		"frame too small":      {ServerOptions{Limits: Limits{MaxFrame: 511}}, []string{"Limits.MaxFrame = 511: it must be at least 512, or 0 for the default"}},
		"frame too large":      {ServerOptions{Limits: Limits{MaxFrame: 1<<30 + 1}}, []string{"Limits.MaxFrame = 1073741825: it must be at most 1073741824"}},
		"frame off":            {ServerOptions{Limits: Limits{MaxFrame: -1}}, []string{"Limits.MaxFrame = -1: it must be at least 512, or 0 for the default"}},
		"no names":             {ServerOptions{Limits: Limits{MaxName: -1}}, []string{"Limits.MaxName = -1: it must be at least 1, or 0 for the default"}},
		"no groups":            {ServerOptions{Limits: Limits{MaxGroups: -1}}, []string{"Limits.MaxGroups = -1: it must be at least 1, or 0 for the default"}},
		"no commands":          {ServerOptions{Limits: Limits{MaxCommand: -1}}, []string{"Limits.MaxCommand = -1: it must be at least 1, or 0 for the default"}},
		"endless queue":        {ServerOptions{Limits: Limits{QueueBytes: -1}}, []string{"Limits.QueueBytes = -1: it must be at least 1, or 0 for the default"}},
		"endless inbox":        {ServerOptions{Limits: Limits{InboxBytes: -1}}, []string{"Limits.InboxBytes = -1: it must be at least 1, or 0 for the default"}},
		"no handlers":          {ServerOptions{Limits: Limits{MaxConcurrent: -1}}, []string{"Limits.MaxConcurrent = -1: it must be at least 1, or 0 for the default"}},
		"endless close":        {ServerOptions{Timeouts: Timeouts{Close: -time.Second}}, []string{"Timeouts.Close = -1s: it must be at least 1ns, or 0 for the default"}},
		"reserved empty name":  {ServerOptions{Access: Access{ReservedNames: []string{"admin", ""}}}, []string{`Access.ReservedNames = "": name is empty`}},
		"reserved bad name":    {ServerOptions{Access: Access{ReservedNames: []string{" a"}}}, []string{`Access.ReservedNames = " a": name " a": a space at its beginning or end`}},
		"reserved long name":   {ServerOptions{Access: Access{ReservedNames: []string{"admin"}}, Limits: Limits{MaxName: 4}}, []string{`Access.ReservedNames = "admin": name "admin": 5 B exceeds limit 4 B`}},
		"name conflict":        {ServerOptions{Access: Access{UniqueNames: true, NameConflict: 3}}, []string{"Access.NameConflict = 3: there is no such Conflict"}},
		"names not unique":     {ServerOptions{Access: Access{NameConflict: ConflictReplace}}, []string{"Access.NameConflict = 2: it has no effect without Access.UniqueNames"}},
		"users without limit":  {ServerOptions{Access: Access{UserConflict: ConflictRefuse}}, []string{"Access.UserConflict = 1: it has no effect without Limits.MaxConnsPerUser"}},
		"header too long":      {ServerOptions{Classic: ClassicOptions{HeaderLen: 4097}}, []string{"Classic.HeaderLen = 4097: it must be from 2 to 4096"}},
		"header too short":     {ServerOptions{Classic: ClassicOptions{HeaderLen: 1}}, []string{"Classic.HeaderLen = 1: it must be from 2 to 4096"}},
		"unknown what":         {ServerOptions{Classic: ClassicOptions{Unknown: Dialect002}}, []string{"Classic.Unknown = 0.0.2: it must be Dialect2x or Dialect30a"}},
		"prefix without peers": {ServerOptions{Classic: ClassicOptions{HeaderLen: -1, Prefix: true}}, []string{"Classic.Prefix = true: it has no effect while Classic.HeaderLen is negative"}},
		"all without peers": {ServerOptions{Classic: ClassicOptions{HeaderLen: -1, Prefix: true, Pace: 9, Unknown: Dialect2x}}, []string{
			"Classic.Prefix = true: it has no effect while Classic.HeaderLen is negative", "Classic.Pace = 9: it has no effect while Classic.HeaderLen is negative",
			"Classic.Unknown = 2.x: it has no effect while Classic.HeaderLen is negative",
		}},
		"replay of nothing": {ServerOptions{History: History{Bytes: 7, Groups: 8, Replay: true}}, []string{
			"History.Bytes = 7: it has no effect without History.Messages", "History.Groups = 8: it has no effect without History.Messages",
			"History.Replay = true: it has no effect without History.Messages",
		}},
		"endless history":      {ServerOptions{History: History{Messages: 1, Bytes: -1}}, []string{"History.Bytes = -1: it must be at least 1, or 0 for the default"}},
		"history of no groups": {ServerOptions{History: History{Messages: 1, Groups: -1}}, []string{"History.Groups = -1: it must be at least 1, or 0 for the default"}},
		"overflow":             {ServerOptions{Overflow: 99}, []string{"Overflow = 99: there is no such Overflow"}},
		"overflow of one":      {ServerOptions{OverflowOf: map[string]Overflow{"x": 99}}, []string{`OverflowOf["x"] = 99: there is no such Overflow`}},
		"overflow of no name":  {ServerOptions{OverflowOf: map[string]Overflow{"a\n": OverflowBlock}}, []string{`OverflowOf["a\n"] = block: name "a\n": control character "\n" at byte 1`}},
		"several": {ServerOptions{Limits: Limits{MaxFrame: 1}, Timeouts: Timeouts{Close: -1}}, []string{
			"Limits.MaxFrame = 1: it must be at least 512, or 0 for the default", "Timeouts.Close = -1ns: it must be at least 1ns, or 0 for the default",
		}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			srv, err := NewServer(&tc.opts)
			require.Nil(t, srv)
			require.Equal(t, tc.want, optionsNamed(err))
		})
	}
	_, err := NewServer(&ServerOptions{Limits: Limits{MaxFrame: 1}})
	require.EqualError(t, err, "core: option Limits.MaxFrame is 1: it must be at least 512, or 0 for the default")
}

func TestClientOptionsThatCannotBe(t *testing.T) {
	none := func(context.Context) ([]byte, error) { return nil, nil }
	tests := map[string]struct {
		opts ClientOptions
		want []string
	}{
		"auth twice":             {ClientOptions{Auth: []byte("x"), AuthFunc: none}, []string{"Auth = set: AuthFunc is set as well"}},
		"auth twice, one empty":  {ClientOptions{Auth: []byte{}, AuthFunc: none}, []string{"Auth = set: AuthFunc is set as well"}},
		"frame too small":        {ClientOptions{MaxFrame: 511}, []string{"MaxFrame = 511: it must be at least 512, or 0 for the default"}},
		"endless queue":          {ClientOptions{QueueBytes: -1}, []string{"QueueBytes = -1: it must be at least 1, or 0 for the default"}},
		"endless inbox":          {ClientOptions{InboxBytes: -1}, []string{"InboxBytes = -1: it must be at least 1, or 0 for the default"}},
		"no handlers":            {ClientOptions{MaxConcurrent: -1}, []string{"MaxConcurrent = -1: it must be at least 1, or 0 for the default"}},
		"endless close":          {ClientOptions{CloseTimeout: -1}, []string{"CloseTimeout = -1ns: it must be at least 1ns, or 0 for the default"}},
		"retry, min over max":    {ClientOptions{Retry: Retry{Min: 2 * time.Second, Max: time.Second}}, []string{"Retry.Min = 2s: it must be at most Retry.Max, 1s"}},
		"retry, negative min":    {ClientOptions{Retry: Retry{Min: -1}}, []string{"Retry.Min = -1ns: it must be at least 1ns, or 0 for the default"}},
		"retry, negative max":    {ClientOptions{Retry: Retry{Max: -1}}, []string{"Retry.Max = -1ns: it must be at least 1ns, or 0 for the default"}},
		"overflow":               {ClientOptions{Overflow: 99}, []string{"Overflow = 99: there is no such Overflow"}},
		"session without retry":  {ClientOptions{Session: []byte("x"), Retry: Retry{Off: true}}, []string{"Session = set: Retry.Off is set as well, which asks for no session"}},
		"classic, no dialect":    {ClientOptions{Classic: &Classic{Dialect: DialectUnknown}}, []string{"Classic.Dialect = 2.x or 3.0a: no server speaks that"}},
		"classic, no header":     {ClientOptions{Classic: &Classic{HeaderLen: -1}}, []string{"Classic.HeaderLen = -1: it must be at least 2, or 0 for the default"}},
		"classic, absurd header": {ClientOptions{Classic: &Classic{HeaderLen: 4097}}, []string{"Classic.HeaderLen = 4097: it must be at most 4096"}},
		"classic, groups":        {ClientOptions{Classic: &Classic{}, Groups: []string{"a", "b"}}, []string{"Groups = 2 groups: the original's protocol has one, and Classic is set"}},
		"classic, all else": {
			ClientOptions{Classic: &Classic{}, Auth: []byte("x"), Metadata: map[string]string{"a": "b"}, Session: []byte("x")},
			[]string{
				"Auth = set: the original's protocol has none, and Classic is set", "Metadata = set: the original's protocol has none, and Classic is set",
				"Session = set: the original's protocol has none, and Classic is set",
			},
		},
		"classic, auth of a function": {ClientOptions{Classic: &Classic{}, AuthFunc: none}, []string{"AuthFunc = set: the original's protocol has none, and Classic is set"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			cl, err := NewClient(nil, &tc.opts)
			require.Nil(t, cl)
			require.Equal(t, tc.want, optionsNamed(err))
		})
	}
}

// Zero is the default of an option, and negative turns it off where it can be off.
func TestOptionsThatAreOff(t *testing.T) {
	off := resolved(&ServerOptions{
		Limits: Limits{
			MaxConns: -1, MaxConnsPerAddr: -1, MaxConnsPerUser: -1, MaxHandshakes: -1, MaxHandshakesPerAddr: -1, MaxCalls: -1,
			MemoryBytes: -1, FrameRate: -1, ByteRate: -1, ChangeRate: -1,
		},
		Timeouts: Timeouts{Hello: -1, Frame: -1, Idle: -1, Write: -1, Heartbeat: -1, Resume: -1, Drain: -1, RestartAfter: -1},
		Classic:  ClassicOptions{HeaderLen: -1},
		History:  History{Messages: -1},
	})
	p := off.places()
	require.Zero(t, []int{p.Conns, p.ConnsPerAddr, p.Greeting, p.GreetingPerAddr}[0]+p.ConnsPerAddr+p.Greeting+p.GreetingPerAddr)
	require.Zero(t, off.Limits.MaxConnsPerUser+off.Limits.MaxCalls+off.Limits.MemoryBytes+off.Limits.FrameRate+off.Limits.ByteRate+off.Limits.ChangeRate)
	require.Equal(t, Timeouts{Close: 2 * time.Second}, off.Timeouts)
	require.Equal(t, ClassicOptions{}, off.Classic)
	require.Equal(t, History{}, off.History)

	kept, cfg, err := (&ClientOptions{WriteTimeout: -1, Retry: Retry{For: -1}}).resolve()
	require.NoError(t, err)
	require.Zero(t, cfg.writeTimeout)
	require.Zero(t, kept.Retry.For)
}

// A bound of Retry that is not set adjusts to the bound that is set.
func TestRetryBounds(t *testing.T) {
	tests := map[string]struct{ set, want Retry }{
		"none":      {Retry{}, Retry{Min: 500 * time.Millisecond, Max: 20 * time.Second}},
		"short max": {Retry{Max: 20 * time.Millisecond}, Retry{Min: 20 * time.Millisecond, Max: 20 * time.Millisecond}},
		"max":       {Retry{Max: 2 * time.Second}, Retry{Min: 500 * time.Millisecond, Max: 2 * time.Second}},
		"long min":  {Retry{Min: time.Minute}, Retry{Min: time.Minute, Max: time.Minute}},
		"min":       {Retry{Min: time.Second}, Retry{Min: time.Second, Max: 20 * time.Second}},
		"both":      {Retry{Min: 1, Max: 1}, Retry{Min: 1, Max: 1}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			kept, _, err := (&ClientOptions{Retry: tc.set}).resolve()
			require.NoError(t, err)
			require.Equal(t, tc.want, kept.Retry)
		})
	}
}

// MemoryBytes is half of the memory that the process may have by default. Negative is no bound.
func TestMemoryBytesByDefault(t *testing.T) {
	require.Equal(t, budget.DefaultLimit(), resolved(nil).Limits.MemoryBytes)
	require.Zero(t, resolved(&ServerOptions{Limits: Limits{MemoryBytes: -1}}).Limits.MemoryBytes)
}

// No bound of a queue is so large that adding a frame overflows an int.
func TestQueueBoundsThatOverflow(t *testing.T) {
	for _, n := range []int{math.MaxInt, math.MaxInt/4 + 1} {
		_, err := NewServer(&ServerOptions{Limits: Limits{QueueBytes: n, InboxBytes: n}})
		require.Len(t, optionsNamed(err), 2)
		_, err = NewClient(nil, &ClientOptions{QueueBytes: n, InboxBytes: n})
		require.Len(t, optionsNamed(err), 2)
	}
}

func TestServerDefaults(t *testing.T) {
	got := resolved(nil)
	require.Equal(t, got, resolved(&ServerOptions{}))
	require.Equal(t, 16384, got.Limits.MaxConns)
	require.Equal(t, 10*time.Second, got.Timeouts.Hello)
	require.Equal(t, 8<<10, got.Limits.MaxHello)
	require.Equal(t, 128, got.Limits.MaxName)
	require.Equal(t, 64, got.Limits.MaxGroups)
	require.Equal(t, 1<<20, got.Limits.MaxFrame)
	require.Equal(t, 1<<20, got.Limits.QueueBytes)
	require.Equal(t, 256<<10, got.Limits.InboxBytes)
	require.Equal(t, 64, got.Limits.MaxConcurrent)
	require.Equal(t, 15*time.Second, got.Timeouts.Heartbeat)
	require.Equal(t, 20*time.Second, got.Timeouts.Write)
	require.Equal(t, 2*time.Second, got.Timeouts.Close)
	off := resolved(&ServerOptions{Limits: Limits{MaxConns: -1}, Timeouts: Timeouts{Hello: -1, Heartbeat: -1, Write: -1}})
	require.Zero(t, off.Limits.MaxConns)
	require.Zero(t, off.Timeouts.Hello)
	require.Zero(t, off.Timeouts.Heartbeat)
	require.Zero(t, off.Timeouts.Write)
	_, client, err := (&ClientOptions{Retry: Retry{Off: true}, QueueBytes: 5}).resolve()
	require.NoError(t, err)
	require.Equal(t, 5, client.queueBytes)
	require.Equal(t, 20*time.Second, client.writeTimeout)
}
