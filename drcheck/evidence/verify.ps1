# Checks a drcheck evidence pack with PowerShell and ssh-keygen (a part of Windows: OpenSSH Client), and nothing of drcheck's.
#
#   powershell -ExecutionPolicy Bypass -File verify.ps1 [-Pack FOLDER] [-AllowedSigners FILE -Principal NAME]
#
# FILE and NAME are yours, never the pack's: whose signatures you take, see "ALLOWED SIGNERS" in ssh-keygen(1). Time stamps are checked by openssl, see
# README.txt. Ends with 0: sound, and signed by NAME. 10: something is wrong. 11: sound, but who signed it was not checked. 2: wrong usage, or a program
# or file that is needed is not there: nothing is known.
# A pack that was altered can hold an altered verify.ps1: take it from drcheck, or from a pack that you trust.
param([string]$Pack = '', [string]$AllowedSigners = '', [string]$Principal = '')
$ErrorActionPreference = 'Stop'
# A stranger's name can move a terminal's cursor: control and format characters are not shown.
function Say([string]$Text) { [Console]::Error.WriteLine(($Text -creplace '\p{C}', '?')) }
function Wrong([string]$Text) { Say "WRONG: $Text"; exit 10 }
trap { Say "nothing is known of the pack: $_"; exit 2 }
if ($args.Count) { Say "there is no argument $($args[0])"; exit 2 }
if ([bool]$AllowedSigners -ne [bool]$Principal) { Say '-AllowedSigners and -Principal go together'; exit 2 }
# In full, since a program that is started is in another folder than PowerShell's own.
if ($AllowedSigners) { $AllowedSigners = (Resolve-Path -LiteralPath $AllowedSigners).ProviderPath }
if (-not $Pack) { $Pack = $PSScriptRoot }
if (-not (Test-Path -LiteralPath $Pack -PathType Container)) { Say "$Pack is no folder: unpack the pack, and name the folder with SHA256SUMS in it"; exit 2 }
# By the same hand as the names of what is in it, for there is a short and a long form of many folders' names.
$Root = (Get-Item -LiteralPath $Pack -Force).FullName
$Before = $Root.TrimEnd('\', '/').Length + 1
$All = @(Get-ChildItem -LiteralPath $Root -Recurse -Force)
foreach ($Each in $All) {
    if ($Each.Attributes -band [IO.FileAttributes]::ReparsePoint) {
        Wrong "$($Each.FullName) is a link, or kept by OneDrive or the like: then copy the pack to a folder of this machine alone"
    }
}
$Files = @($All | Where-Object { -not $_.PSIsContainer } | ForEach-Object { $_.FullName.Substring($Before).Replace('\', '/') })

# The list names each of the files once and nothing else, in its one form, and every digest in it is right.
function Check([string]$List, [string[]]$There) {
    $Path = Join-Path $Root $List
    if (-not (Test-Path -LiteralPath $Path -PathType Leaf)) { Wrong "$List is not there" }
    $Text = [Text.Encoding]::GetEncoding(28591).GetString([IO.File]::ReadAllBytes($Path))
    if (-not $Text.EndsWith("`n", [StringComparison]::Ordinal)) { Wrong "$List does not end with a line end" }
    # Not @{}, which takes capitals for small letters and leaves out what a culture does not see.
    $Listed = New-Object 'Collections.Generic.Dictionary[string,string]' ([StringComparer]::Ordinal)
    $Twins = New-Object 'Collections.Generic.HashSet[string]' ([StringComparer]::OrdinalIgnoreCase)
    foreach ($Line in $Text.Substring(0, $Text.Length - 1).Split("`n")) {
        if ($Line -cnotmatch '\A([0-9a-f]{64})  ([A-Za-z0-9_@][A-Za-z0-9._@-]*(?:/[A-Za-z0-9_@-][A-Za-z0-9._@-]*)*)\z') { Wrong "${List}: $Line" }
        if (-not $Twins.Add($Matches[2])) { Wrong "${List}: $($Matches[2]) is listed twice, or as another but for capitals" }
        $Listed[$Matches[2]] = $Matches[1]
    }
    if ($Listed.Count -ne $There.Count) { Wrong "$List does not list what is there" }
    foreach ($Name in $There) {
        if (-not $Listed.ContainsKey($Name)) { Wrong "$Name is there, and $List does not list it" }
        $Found = (Get-FileHash -LiteralPath (Join-Path $Root $Name) -Algorithm SHA256 -ErrorAction Stop).Hash.ToLowerInvariant()
        if ($Found -cne $Listed[$Name]) { Wrong "$Name is not what $List says" }
    }
}
Check 'SHA256SUMS' @($Files | Where-Object { $_ -cmatch '\A(tagmanifest-sha256\.txt\z|signatures/|timestamps/)' })
Check 'tagmanifest-sha256.txt' @($Files | Where-Object { $_ -cnotmatch '\A(SHA256SUMS\z|tagmanifest-sha256\.txt\z|data/|signatures/|timestamps/)' })
Check 'manifest-sha256.txt' @($Files | Where-Object { $_ -cmatch '\Adata/' })
$Odd = @($Files | Where-Object { $_ -cmatch '\A(signatures|timestamps)/' -and $_ -cnotmatch '\A(signatures/[^/]+\.(sig|dsse\.json)|timestamps/[^/]+\.tsr)\z' })
if ($Odd.Count) { Wrong "$($Odd[0]) is neither a signature nor a time stamp, and nobody signed it" }
'every file is what the pack''s lists say, and there is no other'

# Its input byte by byte: a pipe of PowerShell's would change some, and Start-Process takes [ and ] in a folder's name for a pattern.
function Signed([string[]]$Arguments) {
    $Start = New-Object Diagnostics.ProcessStartInfo
    $Start.FileName = @(Get-Command ssh-keygen -CommandType Application)[0].Path
    # In quotation marks, before which, as at the end of an argument, a backslash counts twice.
    $Start.Arguments = @($Arguments | ForEach-Object { '"' + ($_ -creplace '(\\*)"', '$1$1\"' -creplace '(\\+)\z', '$1$1') + '"' }) -join ' '
    $Start.UseShellExecute = $false
    $Start.RedirectStandardInput = $true
    $Done = [Diagnostics.Process]::Start($Start)
    # Where it did not want to read, its exit code says so.
    try { $Done.StandardInput.BaseStream.Write($Signable, 0, $Signable.Length); $Done.StandardInput.Close() } catch [IO.IOException] { }
    $Done.WaitForExit()
    return $Done.ExitCode -eq 0
}
$Signable = [IO.File]::ReadAllBytes((Join-Path $Root 'tagmanifest-sha256.txt'))
# In a console of UTF-8 .NET Framework would begin a program's input with a mark of the order of bytes.
if ([Console]::InputEncoding.GetPreamble().Length) { [Console]::InputEncoding = New-Object Text.UTF8Encoding $false }
$By = 0
foreach ($Name in @($Files | Where-Object { $_ -cmatch '\Asignatures/.*\.sig\z' })) {
    $Signature = Join-Path $Root $Name
    if (-not (Signed @('-Y', 'check-novalidate', '-n', 'evidence@drcheck', '-s', $Signature))) { Wrong "$Name is no signature of this pack" }
    if ($Principal -and (Signed @('-Y', 'verify', '-f', $AllowedSigners, '-I', $Principal, '-n', 'evidence@drcheck', '-s', $Signature))) {
        "${Name}: by $Principal"
        $By += 1
    }
}
if (-not $Principal) { 'sound; who signed it was not checked: name a file of allowed signers and a principal'; exit 11 }
if ($By -eq 0) { Wrong "no signature is one of $Principal by $AllowedSigners" }
'sound and signed'
exit 0
