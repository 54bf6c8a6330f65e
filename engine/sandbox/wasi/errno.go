package wasi

// Errno is a result of preview 1; the values are those of `errno` in the
// specification (WASI preview 1, typenames.witx).
type Errno = uint32

// The results in use.
const (
	Success     Errno = 0
	Badf        Errno = 8
	Busy        Errno = 10
	Exist       Errno = 20
	Fault       Errno = 21
	Fbig        Errno = 22
	Ilseq       Errno = 25
	Inval       Errno = 28
	Isdir       Errno = 31
	Loop        Errno = 32
	Mfile       Errno = 33
	Nametoolong Errno = 37
	Noent       Errno = 44
	Nospc       Errno = 51
	Nosys       Errno = 52
	Notdir      Errno = 54
	Notempty    Errno = 55
	Notsock     Errno = 57
	Perm        Errno = 63
	Spipe       Errno = 70
	Notcapable  Errno = 76
)

// Kind is what a node or descriptor is; the values are those of `filetype`.
type Kind uint8

// The kinds there are.
const (
	device    Kind = 2 // the standard streams
	Directory Kind = 3
	Regular   Kind = 4
	Symlink   Kind = 7
)

// rights are what a descriptor may be used for, see `rights`.
type rights = uint64

const (
	fdDatasync rights = 1 << iota
	fdRead
	fdSeek
	fdSetFlags
	fdSync
	fdTell
	fdWrite
	fdAdvise
	fdAllocate
	pathCreateDirectory
	pathCreateFile
	pathLinkSource
	pathLinkTarget
	pathOpen
	fdReaddir
	pathReadlink
	pathRenameSource
	pathRenameTarget
	pathFilestatGet
	pathSetSize
	pathSetTimes
	fdFilestatGet
	fdSetSize
	fdSetTimes
	pathSymlink
	pathRemoveDirectory
	pathUnlinkFile
	pollReadWrite
)

const (
	writing = fdDatasync | fdWrite | fdAllocate | fdSetSize | fdSetTimes | pathCreateDirectory | pathCreateFile |
		pathLinkSource | pathLinkTarget | pathRenameSource | pathRenameTarget | pathSetSize | pathSetTimes |
		pathSymlink | pathRemoveDirectory | pathUnlinkFile
	// ofDirectory and ofFile are the rights that mean something for each.
	ofDirectory = fdSetFlags | fdSync | fdDatasync | fdReaddir | fdFilestatGet | fdSetTimes | pathCreateDirectory |
		pathCreateFile | pathLinkSource | pathLinkTarget | pathOpen | pathReadlink | pathRenameSource |
		pathRenameTarget | pathFilestatGet | pathSetSize | pathSetTimes | pathSymlink | pathRemoveDirectory | pathUnlinkFile
	ofFile = fdDatasync | fdRead | fdSeek | fdSetFlags | fdSync | fdTell | fdWrite | fdAdvise | fdAllocate |
		fdFilestatGet | fdSetSize | fdSetTimes | pollReadWrite
	ofStream = fdSetFlags | fdFilestatGet | pollReadWrite
)

// Flags of paths, openings and descriptors: `lookupflags`, `oflags`, `fdflags`
// and `fstflags`.
const (
	followLinks = 1

	openCreate    = 1
	openDirectory = 2
	openExclusive = 4
	openTruncate  = 8
	openAll       = 15

	flagAppend = 1
	flagAll    = 31 // append, dsync, nonblock, rsync, sync

	setAtim    = 1
	setAtimNow = 2
	setMtim    = 4
	setMtimNow = 8
)
