package shape

import (
	"encoding"
	"encoding/json"
	"math/big"
	"net/netip"
	"net/url"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type (
	name   string
	chain  *chain
	numP   *int
	octet  byte
	words  struct{}
	onlyTo int
	onlyIn string
	pair   string
	quoted string
)

func (onlyTo) MarshalText() ([]byte, error) { return []byte("to"), nil }

func (i *onlyIn) UnmarshalText(b []byte) error {
	*i = onlyIn(b)
	return nil
}

func (pair) MarshalText() ([]byte, error)          { return nil, nil }
func (pair) MarshalBinary() ([]byte, error)        { return nil, nil }
func (*pair) UnmarshalBinary([]byte) error         { return nil }
func (quoted) MarshalJSON() ([]byte, error)        { return []byte(`""`), nil }
func (*words) UnmarshalText([]byte) error          { return nil }
func (*words) MarshalText() (text []byte, e error) { return nil, nil }

func TestWays(t *testing.T) {
	tests := map[string]struct {
		of      reflect.Type
		out, in Way
	}{
		"string":             {reflect.TypeFor[string](), Basic, Basic},
		"name":               {reflect.TypeFor[name](), Basic, Basic},
		"pointer":            {reflect.TypeFor[*name](), Basic, Basic},
		"pointer with name":  {reflect.TypeFor[numP](), Basic, Basic},
		"bytes":              {reflect.TypeFor[[]byte](), Basic, Basic},
		"no fields":          {reflect.TypeFor[struct{}](), Basic, Basic},
		"slice":              {reflect.TypeFor[[]int](), Codec, Codec},
		"other bytes":        {reflect.TypeFor[[]octet](), Codec, Codec},
		"time":               {reflect.TypeFor[time.Time](), Text, Text},
		"of the pointer":     {reflect.TypeFor[big.Int](), Text, Text},
		"pointer to such":    {reflect.TypeFor[**big.Int](), Text, Text},
		"address":            {reflect.TypeFor[*netip.Addr](), Text, Text},
		"binary":             {reflect.TypeFor[url.URL](), Binary, Binary},
		"no fields, methods": {reflect.TypeFor[words](), Text, Text},
		"there only":         {reflect.TypeFor[onlyTo](), Text, Basic},
		"back only":          {reflect.TypeFor[onlyIn](), Basic, Text},
		"a pair first":       {reflect.TypeFor[pair](), Binary, Binary},
		"JSON":               {reflect.TypeFor[json.RawMessage](), Codec, Codec},
		"half JSON":          {reflect.TypeFor[quoted](), Codec, Codec},
		"any":                {reflect.TypeFor[any](), Any, Any},
		"pointer to any":     {reflect.TypeFor[*any](), Any, Any},
		"with methods":       {reflect.TypeFor[encoding.TextMarshaler](), Any, Any},
		"pointer to itself":  {reflect.TypeFor[chain](), Codec, Codec},
		"channel":            {reflect.TypeFor[chan int](), Codec, Codec},
	}
	for of, tc := range tests {
		s := Of(tc.of)
		require.Equal(t, tc.out, s.Out, of)
		require.Equal(t, tc.in, s.In, of)
		require.Same(t, s, Of(tc.of), "it is looked at once")
	}
}

func TestValueAndTarget(t *testing.T) {
	of := func(v any) *Shape { return Of(reflect.TypeOf(v)) }
	n := 7
	require.Equal(t, "x", of(name("x")).Value(name("x")))
	require.Equal(t, int64(7), of(numP(&n)).Value(numP(&n)))
	require.Nil(t, of(numP(nil)).Value(numP(nil)))
	require.Nil(t, of((*big.Int)(nil)).Value((*big.Int)(nil)))
	require.Nil(t, of((*any)(nil)).Value((*any)(nil)))
	sum := big.NewInt(7)
	require.Same(t, sum, of(sum).Value(sum), "no copy of what has an address")
	require.Equal(t, sum, of(*sum).Value(*sum))

	var to **numP
	p := Of(reflect.TypeFor[**numP]()).Target(&to)
	*p.(*int) = 3
	require.Equal(t, 3, ***to)
	var addr *netip.Addr
	_, ok := Of(reflect.TypeFor[*netip.Addr]()).Target(&addr).(encoding.TextUnmarshaler)
	require.True(t, ok)
	require.NotNil(t, addr)
}

func TestNil(t *testing.T) {
	tests := map[string]struct {
		of          reflect.Type
		empty, null bool
	}{
		"int":               {reflect.TypeFor[int](), false, false},
		"pointer to int":    {reflect.TypeFor[*int](), true, true},
		"pointer to string": {reflect.TypeFor[*name](), true, false},
		"pointer to bytes":  {reflect.TypeFor[*[]byte](), true, false},
		"pointer to text":   {reflect.TypeFor[*netip.Addr](), true, false},
		"pointer to struct": {reflect.TypeFor[*url.Userinfo](), true, false}, // the codec decides about null
		"any":               {reflect.TypeFor[any](), true, false},
		"slice":             {reflect.TypeFor[[]int](), false, false},
	}
	for of, tc := range tests {
		require.Equal(t, tc.empty, Of(tc.of).Nil(nil), of)
		require.Equal(t, tc.null, Of(tc.of).Nil([]byte("null")), of)
	}
}

func TestAddressable(t *testing.T) {
	type inner struct{ Sum big.Int }
	type outer struct {
		Of   [2]inner
		name string
	}
	for want, v := range map[string]any{
		"7":                                 *big.NewInt(7),
		`{"Of":[{"Sum":7},{"Sum":0}]}`:      outer{Of: [2]inner{{*big.NewInt(7)}}},
		`[{"Sum":7},7,null,"x"]`:            []any{inner{*big.NewInt(7)}, big.NewInt(7), nil, "x"},
		"null":                              []any(nil),
		`"2026-01-01T00:00:00Z"`:            time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		`{"a":1}`:                           map[string]int{"a": 1},
		`{"Scheme":"","Opaque":""}`:         struct{ Scheme, Opaque string }{},
		`[[{"Sum":7}],{"k":{"Sum":7}},[7]]`: []any{[]inner{{*big.NewInt(7)}}, map[string]*inner{"k": {*big.NewInt(7)}}, [1]big.Int{*big.NewInt(7)}},
	} {
		b, err := json.Marshal(Addressable(v))
		require.NoError(t, err)
		require.Equal(t, want, string(b))
	}
	list := []any{*big.NewInt(7)}
	Addressable(list)
	require.Equal(t, *big.NewInt(7), list[0], "the list is the caller's")
	require.Nil(t, Addressable(nil))
	require.Empty(t, outer{}.name)
}

// Many goroutines look at types at once.
func TestOfAtOnce(t *testing.T) {
	type local struct{ N name }
	var wg sync.WaitGroup
	seen := make([]*Shape, 8)
	for i := range seen {
		wg.Go(func() { seen[i] = Of(reflect.TypeFor[*local]()) })
	}
	wg.Wait()
	for _, s := range seen {
		require.Same(t, seen[0], s)
	}
}
