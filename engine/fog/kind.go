package fog

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// kinds are all facts by the names that KindOf gives them.
var kinds = named(
	Waited{}, Inspected{}, ThumbnailMade{}, Piloted{}, Quoted{}, Locked{}, DealOpened{}, SellerLost{}, TaskLeased{}, TaskDone{}, TaskChecked{}, Paid{}, FrameDone{}, Settled{}, JobSaved{},
	SandboxReady{}, EngineChanged{}, AskPublished{}, DealAccepted{}, DealRefused{}, TaskFinished{}, TaskFailed{}, Earned{}, DealBroken{}, DealClosed{},
)

func named(all ...Fact) map[string]reflect.Type {
	m := make(map[string]reflect.Type, len(all))
	for _, f := range all {
		m[KindOf(f)] = reflect.TypeOf(f)
	}
	return m
}

// KindOf is the name of a fact's type, such as "TaskDone".
func KindOf(f Fact) string { return reflect.TypeOf(f).Name() }

// DecodeFact is the fact of a kind that JSON tells: what json.Marshal made of
// it. A kind nobody knows is an error.
func DecodeFact(kind string, data []byte) (Fact, error) {
	t, known := kinds[kind]
	if !known {
		return nil, fmt.Errorf("no kind of fact is called %q", kind)
	}
	v := reflect.New(t)
	if err := json.Unmarshal(data, v.Interface()); err != nil {
		return nil, fmt.Errorf("fact %s: %w", kind, err)
	}
	f, _ := reflect.TypeAssert[Fact](v.Elem()) // kinds holds nothing else
	return f, nil
}
