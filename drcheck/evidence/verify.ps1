# Checks a drcheck evidence pack with Get-FileHash and ssh-keygen (a part of Windows: OpenSSH Client), and nothing of drcheck's.
#
#   powershell -ExecutionPolicy Bypass -File verify.ps1 [-Pack FOLDER] [-AllowedSigners FILE -Principal NAME]
#
# FILE and NAME are yours, never the pack's: whose signatures you take, see "ALLOWED SIGNERS" in ssh-keygen(1). Time stamps are checked by openssl, see
# README.txt. Ends with 0: sound, and signed by NAME. 10: something is wrong. 11: sound, but who signed it was not checked. 2: wrong usage.
# A pack that was altered can hold an altered verify.ps1: take it from drcheck, or from a pack that you trust.
param([string]$Pack = $PSScriptRoot, [string]$AllowedSigners = '', [string]$Principal = '')
$ErrorActionPreference = 'Stop'
if ([bool]$AllowedSigners -ne [bool]$Principal) { [Console]::Error.WriteLine('-AllowedSigners and -Principal go together'); exit 2 }
function Wrong([string]$Text) { [Console]::Error.WriteLine("WRONG: $Text"); exit 10 }

$Root = (Resolve-Path -LiteralPath $Pack).ProviderPath.TrimEnd('\', '/')
$All = @(Get-ChildItem -LiteralPath $Root -Recurse -Force)
foreach ($Each in $All) { if ($Each.Attributes -band [IO.FileAttributes]::ReparsePoint) { Wrong "$($Each.FullName) is a link" } }
$Files = @($All | Where-Object { -not $_.PSIsContainer } | ForEach-Object { $_.FullName.Substring($Root.Length + 1).Replace('\', '/') })

# The list names each of the files once and nothing else, in its one form, and every digest in it is right.
function Check([string]$List, [string[]]$There) {
    $Path = Join-Path $Root $List
    if (-not (Test-Path -LiteralPath $Path -PathType Leaf)) { Wrong "$List is not there" }
    $Text = [Text.Encoding]::GetEncoding(28591).GetString([IO.File]::ReadAllBytes($Path))
    if (-not $Text.EndsWith("`n")) { Wrong "$List does not end with a line end" }
    $Listed = @{}
    foreach ($Line in $Text.Substring(0, $Text.Length - 1).Split("`n")) {
        if ($Line -cnotmatch '\A([0-9a-f]{64})  ([A-Za-z0-9_@-][A-Za-z0-9._@-]*(?:/[A-Za-z0-9_@-][A-Za-z0-9._@-]*)*)\z') { Wrong "${List}: $Line" }
        if ($Listed.ContainsKey($Matches[2])) { Wrong "${List}: $($Matches[2]) is listed twice" }
        $Listed[$Matches[2]] = $Matches[1]
    }
    if ($Listed.Count -ne $There.Count) { Wrong "$List does not list what is there" }
    foreach ($Name in $There) {
        if (-not $Listed.ContainsKey($Name)) { Wrong "$Name is there, and $List does not list it" }
        $Found = (Get-FileHash -LiteralPath (Join-Path $Root $Name) -Algorithm SHA256).Hash.ToLowerInvariant()
        if ($Found -cne $Listed[$Name]) { Wrong "$Name is not what $List says" }
    }
}
Check 'SHA256SUMS' @($Files | Where-Object { $_ -cmatch '\A(tagmanifest-sha256\.txt\z|signatures/|timestamps/)' })
Check 'tagmanifest-sha256.txt' @($Files | Where-Object { $_ -cnotmatch '\A(SHA256SUMS\z|tagmanifest-sha256\.txt\z|data/|signatures/|timestamps/)' })
Check 'manifest-sha256.txt' @($Files | Where-Object { $_ -cmatch '\Adata/' })
$Odd = @($Files | Where-Object { $_ -cmatch '\A(signatures|timestamps)/' -and $_ -cnotmatch '\A(signatures/[^/]+\.(sig|dsse\.json)|timestamps/[^/]+\.tsr)\z' })
if ($Odd.Count) { Wrong "$($Odd[0]) is neither a signature nor a time stamp, and nobody signed it" }
'every file is what the pack''s lists say, and there is no other'

# Its input as a file, since a pipe of PowerShell's would change bytes.
function Signed([string[]]$Arguments) {
    $Quoted = $Arguments | ForEach-Object { '"' + $_ + '"' }
    $Done = Start-Process ssh-keygen -ArgumentList $Quoted -RedirectStandardInput (Join-Path $Root 'tagmanifest-sha256.txt') -NoNewWindow -Wait -PassThru
    return $Done.ExitCode -eq 0
}
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
